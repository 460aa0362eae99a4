//! Patterns of SQL's `LIKE`.

use memchr::memmem;

use super::case_fold::fold;

/// A pattern of SQL's `LIKE` that may match anywhere in a text.
#[derive(Debug, Clone)]
pub(crate) struct LikePattern {
    /// The lower-case parts between the `%`.
    runs: Vec<LiteralRun>,
    /// Requires the last run at the end of the text.
    is_anchored_at_end: bool,
}

/// Consecutive characters; `None` for `_`, which matches any character.
#[derive(Debug, Clone)]
struct LiteralRun {
    chars: Vec<Option<char>>,
    strategy: MatchStrategy,
}

/// The algorithm that finds a run. Its time grows only with the text, even if both are repetitive.
#[derive(Debug, Clone)]
enum MatchStrategy {
    /// Substring search.
    Substring(String),
    /// Shift-and with bit masks, which follows all partial matches at the same time.
    ShiftAnd(BitMasks),
}

/// The positions of each character in a run, a bit for each (shift-and: Baeza-Yates and Gonnet, 1992).
#[derive(Debug, Clone)]
struct BitMasks {
    /// The characters, sorted, with the positions at which they match.
    chars: Vec<(char, Vec<u64>)>,
    /// The positions at which all other characters match.
    others: Vec<u64>,
    /// The last position.
    last: usize,
}

impl LikePattern {
    /// Parses a pattern. `%` and `_` are wildcards, and a backslash escapes the next character (PostgreSQL 15, 9.7.1). A
    /// backslash at the end escapes the `%` that is appended to the pattern.
    pub(crate) fn parse(pattern: &str) -> Self {
        let pattern = fold(&format!("{pattern}%"));
        let mut runs: Vec<Vec<Option<char>>> = vec![Vec::new()];
        let mut chars = pattern.chars();
        while let Some(char) = chars.next() {
            let Some(run) = runs.last_mut() else { continue };
            match char {
                '%' => runs.push(Vec::new()),
                '_' => run.push(None),
                '\\' => run.extend(chars.next().map(Some)),
                char => run.push(Some(char)),
            }
        }
        let is_anchored_at_end = runs.last().is_some_and(|last| !last.is_empty());
        let runs = runs.into_iter().filter(|chars| !chars.is_empty()).map(LiteralRun::new).collect();
        Self { runs, is_anchored_at_end }
    }

    /// Returns the longest part of the pattern whose characters are the same in a text and in its JSON, and are not the
    /// lower case of other characters. Parts of numbers are excluded: see [`Self::number`].
    pub(crate) fn literal(&self) -> String {
        self.longest_run(|run| run.chars().any(|char| char.is_ascii_alphabetic() && char != 'e'))
    }

    /// Returns the longest part of the pattern that may be part of a number. Numbers have several notations.
    pub(crate) fn number(&self) -> String {
        self.longest_run(|run| run.chars().all(|char| char.is_ascii_digit()))
    }

    fn longest_run(&self, is_accepted: impl Fn(&str) -> bool) -> String {
        let plain = |char: &Option<char>| char.filter(|char| is_plain(*char) && !matches!(char, 'i' | 'k'));
        let runs = self.runs.iter().flat_map(|run| run.chars.split(|char| plain(char).is_none()));
        let runs = runs.map(|run| run.iter().filter_map(plain).collect::<String>());
        runs.filter(|run| is_accepted(run)).max_by_key(String::len).unwrap_or_default()
    }

    /// Returns whether a folded text contains a match.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (free, end) = self.runs.split_at(self.runs.len() - usize::from(self.is_anchored_at_end));
        // The first match of each run leaves the longest rest of the text for the following runs.
        let rest = free.iter().try_fold(text, |rest, run| run.rest_after_match(rest));
        rest.is_some_and(|rest| end.iter().all(|run| run.is_suffix_of(rest)))
    }
}

/// Returns whether JSON writes a character as itself or as an escape that begins with `\u00`.
pub(crate) fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '@')
}

impl LiteralRun {
    fn new(chars: Vec<Option<char>>) -> Self {
        let strategy = match chars.iter().copied().collect() {
            Some(text) => MatchStrategy::Substring(text),
            None => MatchStrategy::ShiftAnd(BitMasks::new(&chars)),
        };
        Self { chars, strategy }
    }

    /// Returns the rest of a text after the first match.
    fn rest_after_match<'a>(&self, text: &'a str) -> Option<&'a str> {
        match &self.strategy {
            MatchStrategy::Substring(part) => {
                let start = memmem::find(text.as_bytes(), part.as_bytes())?;
                text.get(start + part.len()..)
            }
            MatchStrategy::ShiftAnd(masks) => masks.rest_after_match(text),
        }
    }

    /// Returns whether a text ends with the run.
    fn is_suffix_of(&self, text: &str) -> bool {
        let mut chars = text.chars().rev();
        let is_same = |own: &Option<char>| chars.next().is_some_and(|char| own.is_none_or(|own| own == char));
        self.chars.iter().rev().all(is_same)
    }
}

impl BitMasks {
    fn new(chars: &[Option<char>]) -> Self {
        let positions = |is: &dyn Fn(char) -> bool| {
            let mut positions = vec![0; chars.len().div_ceil(64)];
            for (at, _) in chars.iter().enumerate().filter(|(_, char)| char.is_none_or(is)) {
                positions[at / 64] |= 1 << (at % 64);
            }
            positions
        };
        let mut known: Vec<char> = chars.iter().copied().flatten().collect();
        known.sort_unstable();
        known.dedup();
        let others = positions(&|_| false);
        let chars_and_positions = known.into_iter().map(|known| (known, positions(&|char| char == known))).collect();
        Self { chars: chars_and_positions, others, last: chars.len() - 1 }
    }

    fn rest_after_match<'a>(&self, text: &'a str) -> Option<&'a str> {
        // A bit for each position up to which the run matches the text before the current character.
        let mut matched = vec![0_u64; self.others.len()];
        for (at, char) in text.char_indices() {
            let known = self.chars.binary_search_by_key(&char, |(known, _)| *known);
            let positions = known.map_or(&self.others, |known| &self.chars[known].1);
            // A match may begin at every character.
            let mut carried = 1;
            for (matched, positions) in matched.iter_mut().zip(positions) {
                let carry = *matched >> 63;
                *matched = (*matched << 1 | carried) & positions;
                carried = carry;
            }
            if matched[self.last / 64] >> (self.last % 64) & 1 == 1 {
                return text.get(at + char.len_utf8()..);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::case_fold::lower;
    use super::*;

    /// Returns whether a text matches, by trying every alternative.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|start| naive(rest, &text[start..])),
            ['_', rest @ ..] => !text.is_empty() && naive(rest, &text[1..]),
            ['\\', char, rest @ ..] | [char, rest @ ..] => text.first() == Some(char) && naive(rest, &text[1..]),
        }
    }

    #[test]
    fn repetitive_patterns_and_texts_take_linear_time() {
        // Trying every position takes billions of steps for each of these patterns.
        let text = ".".repeat(1_000_000);
        for pattern in [format!("{}!", ".".repeat(4000)), format!("_{}!", ".".repeat(1000)), ".%".repeat(1000) + "!"] {
            assert!(!LikePattern::parse(&pattern).matches(&text));
        }
        assert!(LikePattern::parse(&format!("{}_", ".".repeat(200))).matches(&text));
    }

    proptest! {
        #[test]
        fn a_pattern_without_wildcards_is_a_substring_search(text in "[aA.x]{0,12}", part in "[aA.x]{0,4}") {
            let found = LikePattern::parse(&part).matches(&fold(&text));
            prop_assert_eq!(found, lower(&text).contains(&lower(&part)));
        }

        #[test]
        fn it_agrees_with_the_naive_algorithm(text in "[ab\u{e9}%_]{0,10}", pattern in "[ab\u{e9}%_\\\\]{0,6}") {
            let whole: Vec<char> = format!("%{pattern}%").chars().collect();
            let text_chars: Vec<char> = text.chars().collect();
            prop_assert_eq!(LikePattern::parse(&pattern).matches(&text), naive(&whole, &text_chars));
        }

        #[test]
        fn long_runs_with_wildcards_are_found(before in "[ab]{0,90}", piece in "[ab]{60,140}", at in 0_usize..60) {
            let mut wild: Vec<char> = piece.chars().collect();
            wild[at] = '_';
            let wild: String = wild.into_iter().collect();
            let text = format!("{before}{piece}c");
            let (there, not) = (format!("{wild}c"), format!("{wild}d"));
            prop_assert!(LikePattern::parse(&there).matches(&text) && !LikePattern::parse(&not).matches(&text));
        }

        #[test]
        fn matching_texts_contain_the_literal(text in "[a-c%_]{0,12}", pattern in "[a-c%_\\\\]{0,6}") {
            let pattern = LikePattern::parse(&pattern);
            if pattern.matches(&text) {
                prop_assert!(text.contains(&pattern.literal()));
            }
        }
    }
}
