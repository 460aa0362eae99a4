//! Patterns of SQL's `LIKE`.

use memchr::memmem;

use super::case_fold::fold;

/// A pattern of SQL's `LIKE`, which may begin and end anywhere.
#[derive(Debug, Clone)]
pub(crate) struct LikePattern {
    /// What stands between its `%`, in lower case.
    pieces: Vec<LiteralRun>,
    /// Whether the last piece is the text's end.
    ends: bool,
}

/// Characters that follow each other; `None` for a `_`, which stands for any.
#[derive(Debug, Clone)]
struct LiteralRun {
    chars: Vec<Option<char>>,
    way: MatchStrategy,
}

/// How a piece is looked for, in time that grows with the text alone, whatever is repeated in both.
#[derive(Debug, Clone)]
enum MatchStrategy {
    /// As a part of the text.
    Part(String),
    /// With all that have begun before a character at once.
    Masks(Masks),
}

/// Which places of a piece a character may stand at, a bit for each (Baeza-Yates and Gonnet, 1992: shift-and).
#[derive(Debug, Clone)]
struct Masks {
    /// The characters, sorted, each with its places.
    chars: Vec<(char, Vec<u64>)>,
    /// The places of all others.
    others: Vec<u64>,
    last: usize,
}

impl LikePattern {
    /// `%` and `_` are wild, and a backslash takes that from what follows it (PostgreSQL 15, 9.7.1): at the end,
    /// from the `%` behind the pattern.
    pub(crate) fn read(pattern: &str) -> Self {
        let pattern = fold(&format!("{pattern}%"));
        let mut pieces: Vec<Vec<Option<char>>> = vec![Vec::new()];
        let mut chars = pattern.chars();
        while let Some(char) = chars.next() {
            let Some(piece) = pieces.last_mut() else { continue };
            match char {
                '%' => pieces.push(Vec::new()),
                '_' => piece.push(None),
                '\\' => piece.extend(chars.next().map(Some)),
                char => piece.push(Some(char)),
            }
        }
        let ends = pieces.last().is_some_and(|last| !last.is_empty());
        let pieces = pieces.into_iter().filter(|chars| !chars.is_empty()).map(LiteralRun::new).collect();
        Self { pieces, ends }
    }

    /// The longest run of characters that stand in a text as they do in its JSON, and that are no other
    /// characters in lower case. What may be part of a number is not sure to: see [`Self::number`].
    pub(crate) fn literal(&self) -> String {
        self.longest_run(|run| run.chars().any(|char| char.is_ascii_alphabetic() && char != 'e'))
    }

    /// The longest run that may be part of a number. Numbers are written in several ways.
    pub(crate) fn number(&self) -> String {
        self.longest_run(|run| run.chars().all(|char| char.is_ascii_digit()))
    }

    fn longest_run(&self, will_do: impl Fn(&str) -> bool) -> String {
        let plain = |char: &Option<char>| char.filter(|char| is_plain(*char) && !matches!(char, 'i' | 'k'));
        let runs = self.pieces.iter().flat_map(|piece| piece.chars.split(|char| plain(char).is_none()));
        let runs = runs.map(|run| run.iter().filter_map(plain).collect::<String>());
        runs.filter(|run| will_do(run)).max_by_key(String::len).unwrap_or_default()
    }

    /// Whether a text in lower case matches.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let (free, end) = self.pieces.split_at(self.pieces.len() - usize::from(self.ends));
        // The first place of each piece leaves the most of the text for those behind it.
        let rest = free.iter().try_fold(text, |rest, piece| piece.behind(rest));
        rest.is_some_and(|rest| end.iter().all(|piece| piece.ends(rest)))
    }
}

/// Whether a character stands in a text as it does in its JSON, and in an escape of `\u00` else.
pub(crate) fn is_plain(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '@')
}

impl LiteralRun {
    fn new(chars: Vec<Option<char>>) -> Self {
        let way = match chars.iter().copied().collect() {
            Some(part) => MatchStrategy::Part(part),
            None => MatchStrategy::Masks(Masks::new(&chars)),
        };
        Self { chars, way }
    }

    /// What of a text is behind the first place that it is at.
    fn behind<'a>(&self, text: &'a str) -> Option<&'a str> {
        match &self.way {
            MatchStrategy::Part(part) => {
                let start = memmem::find(text.as_bytes(), part.as_bytes())?;
                text.get(start + part.len()..)
            }
            MatchStrategy::Masks(masks) => masks.behind(text),
        }
    }

    /// Whether a text ends with it.
    fn ends(&self, text: &str) -> bool {
        let mut chars = text.chars().rev();
        let same = |wanted: &Option<char>| chars.next().is_some_and(|char| wanted.is_none_or(|wanted| wanted == char));
        self.chars.iter().rev().all(same)
    }
}

impl Masks {
    fn new(chars: &[Option<char>]) -> Self {
        let places = |is: &dyn Fn(char) -> bool| {
            let mut places = vec![0; chars.len().div_ceil(64)];
            for (at, _) in chars.iter().enumerate().filter(|(_, char)| char.is_none_or(is)) {
                places[at / 64] |= 1 << (at % 64);
            }
            places
        };
        let mut known: Vec<char> = chars.iter().copied().flatten().collect();
        known.sort_unstable();
        known.dedup();
        let others = places(&|_| false);
        let chars_and_places = known.into_iter().map(|known| (known, places(&|char| char == known))).collect();
        Self { chars: chars_and_places, others, last: chars.len() - 1 }
    }

    fn behind<'a>(&self, text: &'a str) -> Option<&'a str> {
        // A bit for each place of the piece up to which the text fits that ends here.
        let mut fits = vec![0_u64; self.others.len()];
        for (at, char) in text.char_indices() {
            let known = self.chars.binary_search_by_key(&char, |(known, _)| *known);
            let places = known.map_or(&self.others, |known| &self.chars[known].1);
            // At every character one may begin.
            let mut carried = 1;
            for (fits, places) in fits.iter_mut().zip(places) {
                let carry = *fits >> 63;
                *fits = (*fits << 1 | carried) & places;
                carried = carry;
            }
            if fits[self.last / 64] >> (self.last % 64) & 1 == 1 {
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

    /// Whether a text matches, tried in every way.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|start| naive(rest, &text[start..])),
            ['_', rest @ ..] => !text.is_empty() && naive(rest, &text[1..]),
            ['\\', char, rest @ ..] | [char, rest @ ..] => text.first() == Some(char) && naive(rest, &text[1..]),
        }
    }

    #[test]
    fn what_is_repeated_is_found_soon() {
        // Each takes billions of steps where every place is tried.
        let text = ".".repeat(1_000_000);
        for pattern in [format!("{}!", ".".repeat(4000)), format!("_{}!", ".".repeat(1000)), ".%".repeat(1000) + "!"] {
            assert!(!LikePattern::read(&pattern).is_in(&text));
        }
        assert!(LikePattern::read(&format!("{}_", ".".repeat(200))).is_in(&text));
    }

    proptest! {
        #[test]
        fn a_pattern_without_wildcards_is_a_part(text in "[aA.x]{0,12}", part in "[aA.x]{0,4}") {
            let found = LikePattern::read(&part).is_in(&fold(&text));
            prop_assert_eq!(found, lower(&text).contains(&lower(&part)));
        }

        #[test]
        fn it_matches_what_it_matches_in_every_way(text in "[ab\u{e9}%_]{0,10}", pattern in "[ab\u{e9}%_\\\\]{0,6}") {
            let whole: Vec<char> = format!("%{pattern}%").chars().collect();
            let text_chars: Vec<char> = text.chars().collect();
            prop_assert_eq!(LikePattern::read(&pattern).is_in(&text), naive(&whole, &text_chars));
        }

        #[test]
        fn long_pieces_are_found_where_they_are(before in "[ab]{0,90}", piece in "[ab]{60,140}", at in 0_usize..60) {
            let mut wild: Vec<char> = piece.chars().collect();
            wild[at] = '_';
            let wild: String = wild.into_iter().collect();
            let text = format!("{before}{piece}c");
            let (there, not) = (format!("{wild}c"), format!("{wild}d"));
            prop_assert!(LikePattern::read(&there).is_in(&text) && !LikePattern::read(&not).is_in(&text));
        }

        #[test]
        fn a_text_has_the_literal_of_every_pattern_that_it_matches(text in "[a-c%_]{0,12}", pattern in "[a-c%_\\\\]{0,6}") {
            let pattern = LikePattern::read(&pattern);
            if pattern.is_in(&text) {
                prop_assert!(text.contains(&pattern.literal()));
            }
        }
    }
}
