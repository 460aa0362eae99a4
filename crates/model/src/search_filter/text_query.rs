//! Text queries: the part of a search filter that matches payloads.

use std::borrow::Cow;
use std::collections::BTreeSet;

use events::Event;
use memchr::memmem;
use serde_json::Value;

use super::case_fold::{fold, lower};
use super::json_text::{compact, jsonb, members};
use super::like_pattern::{LikePattern, is_plain};
use super::word_query::{InvalidWords, WordQuery};

/// Prefix of the JSON escape of a plain character.
const ESCAPE_PREFIX: &str = r"\u00";

/// A case-insensitive query for text.
#[derive(Debug, Clone)]
pub enum TextQuery {
    /// Words that the event contains as people read it.
    Words(WordQuery),
    /// A pattern that members of the payload match.
    Like(LikeQuery),
}

impl TextQuery {
    /// Creates a query for words; a phrase is enclosed in quotation marks.
    ///
    /// # Errors
    /// If there is no word, or there are too many.
    pub fn words(text: &str) -> Result<Self, InvalidWords> {
        WordQuery::parse(text).map(Self::Words)
    }

    /// Creates a query for one phrase.
    pub fn part(text: &str) -> Self {
        Self::Words(WordQuery::phrase(text))
    }

    /// Creates a query for a pattern of SQL's `ILIKE` in the text of one of these members. The notation of the producer
    /// does not matter.
    pub fn like(pattern: &str, members: &'static [(&'static str, JsonNotation)]) -> Self {
        Self::Like(LikeQuery::new(pattern, members))
    }

    /// Returns whether an event matches.
    pub fn matches(&self, event: &Event) -> bool {
        match self {
            Self::Words(words) => words.matches(event),
            Self::Like(like) => like.matches(&String::from_utf8_lossy(&event.payload)),
        }
    }
}

/// A query for a pattern of SQL's `ILIKE` in a payload.
#[derive(Debug, Clone)]
pub struct LikeQuery {
    /// Lower-case text that every matching payload contains. It can be searched for without parsing the payload as
    /// JSON. Empty if there is no such text.
    literal: String,
    /// Pattern that decides if the literal does not suffice.
    like: MemberPattern,
}

impl LikeQuery {
    fn new(pattern: &str, members: &'static [(&'static str, JsonNotation)]) -> Self {
        let pattern = LikePattern::parse(pattern);
        Self { literal: pattern.literal(), like: MemberPattern { number: pattern.number(), pattern, members } }
    }

    /// Returns the lower-case text that every matching payload contains; empty if the query has no such text.
    pub fn literal(&self) -> &str {
        &self.literal
    }

    /// Returns whether payloads may match, given a test for the lower-case byte strings that they may contain.
    pub fn may_match(&self, may_have: impl Fn(&[u8]) -> bool) -> bool {
        // A pattern also matches payloads that escape the characters of the literal.
        let escaped = || may_have(ESCAPE_PREFIX.as_bytes()) && self.may_contain_escaped(&may_have);
        may_have(self.literal.as_bytes()) || escaped()
    }

    /// Returns whether payloads may contain the literal with any of its characters escaped. Extends every possible
    /// notation character by character, and keeps only its last bytes.
    fn may_contain_escaped(&self, may_have: impl Fn(&[u8]) -> bool) -> bool {
        // Earlier bytes do not matter, because the test knows runs of four bytes.
        const KEPT_BYTES: usize = 3;
        let mut notations = BTreeSet::from([String::new()]);
        for char in self.literal.chars() {
            let escape = |char: char| format!("{ESCAPE_PREFIX}{:02x}", u32::from(char));
            let forms = [char.to_string(), escape(char), escape(char.to_ascii_uppercase())];
            let longer =
                notations.iter().flat_map(|notation| forms.iter().map(move |form| format!("{notation}{form}")));
            let longer = longer.filter(|notation| may_have(notation.as_bytes()));
            notations =
                longer.map(|notation| notation[notation.len().saturating_sub(KEPT_BYTES)..].to_owned()).collect();
        }
        !notations.is_empty()
    }

    /// Returns the positions in lower-case payloads at which [`Self::decides`] must check for a match, in ascending order.
    pub fn candidate_positions<'a>(&'a self, payloads: &'a [u8]) -> impl Iterator<Item = usize> {
        let mut literal = memmem::find_iter(payloads, &self.literal).peekable();
        let mut escapes = memmem::find_iter(payloads, ESCAPE_PREFIX).peekable();
        std::iter::from_fn(move || match (literal.peek(), escapes.peek()) {
            (Some(position), Some(escape)) if escape < position => escapes.next(),
            (Some(_), _) => literal.next(),
            (None, _) => escapes.next(),
        })
    }

    /// Returns whether a payload that contains the literal or an escape matches.
    pub fn decides(&self, payload: &str) -> bool {
        match unescaped(payload) {
            Cow::Borrowed(payload) => self.like.matches(payload),
            Cow::Owned(payload) => lower(&payload).contains(&self.literal) && self.like.matches(&payload),
        }
    }

    /// Returns whether a payload matches.
    pub fn matches(&self, payload: &str) -> bool {
        let escaped = || payload.contains(ESCAPE_PREFIX);
        (lower(payload).contains(&self.literal) || escaped()) && self.decides(payload)
    }
}

/// Replaces the escapes of plain characters in a payload, as JavaScript would write it. The literal can then be found
/// in the result.
fn unescaped(payload: &str) -> Cow<'_, str> {
    if memmem::find(payload.as_bytes(), ESCAPE_PREFIX.as_bytes()).is_none() {
        return payload.into();
    }
    let (mut plain, mut rest) = (String::with_capacity(payload.len()), payload);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        plain.push_str(before);
        let digits = escape.strip_prefix(ESCAPE_PREFIX).and_then(|digits| digits.get(..2));
        let char = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).map(char::from);
        let (kept, length) = match char.filter(|char| is_plain(*char)) {
            Some(char) => (Some(char), ESCAPE_PREFIX.len() + 2),
            // The character after a backslash, including a second backslash, belongs to the escape.
            None => (None, 1 + escape[1..].chars().next().map_or(0, char::len_utf8)),
        };
        plain.extend(kept);
        plain.push_str(if kept.is_some() { "" } else { &escape[..length] });
        rest = &escape[length..];
    }
    (plain + rest).into()
}

/// The notation in which the text of a member is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonNotation {
    /// Without spaces, as written by JavaScript and stored in PostgreSQL's type `json`.
    Compact,
    /// As PostgreSQL prints its type `jsonb`: with spaces, and with members in its own order.
    Jsonb,
}

/// A pattern that the text of a member must contain.
#[derive(Debug, Clone)]
struct MemberPattern {
    pattern: LikePattern,
    /// Digits that every matching payload contains, unless it contains a number with an exponent.
    number: String,
    members: &'static [(&'static str, JsonNotation)],
}

impl MemberPattern {
    fn matches(&self, payload: &str) -> bool {
        if !payload.contains(&self.number) && !has_exponent(payload) {
            return false;
        }
        let Some(members) = members(payload) else { return false };
        self.members.iter().any(|(name, notation)| {
            let Some(value) = members.get(*name).map(|value| value.get()).filter(|value| *value != "null") else {
                return false;
            };
            let Ok(value) = serde_json::from_str::<Value>(value) else { return false };
            let text = match notation {
                JsonNotation::Compact => compact(&value),
                JsonNotation::Jsonb => jsonb(&value),
            };
            self.pattern.matches(&fold(&text))
        })
    }
}

/// Returns whether a text may contain a number with an exponent.
fn has_exponent(text: &str) -> bool {
    let after = |window: &[u8]| window[2].is_ascii_digit() || b"+-".contains(&window[2]);
    text.as_bytes()
        .windows(3)
        .any(|window| window[0].is_ascii_digit() && window[1].eq_ignore_ascii_case(&b'e') && after(window))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::json_text::javascript_number;
    use super::*;

    const MEMBERS: &[(&str, JsonNotation)] = &[("data", JsonNotation::Compact), ("preData", JsonNotation::Jsonb)];

    #[test]
    fn patterns_match_members_in_the_notation_of_postgresql() {
        let payload = r#"{"type":"t","data":{"name":"A_b"},"preData":{"long":1,"a":[1,2]}}"#;
        for pattern in [r#""NAME":"a"#, "a_b", r"a\_b", "a%b", r#"{"a": [1, 2], "long": 1}"#, "%", ""] {
            assert!(LikeQuery::new(pattern, MEMBERS).matches(payload), "{pattern}");
        }
        for pattern in [r#""name": "#, "type", r"a\%b", r#""long":1"#, r#""t""#] {
            assert!(!LikeQuery::new(pattern, MEMBERS).matches(payload), "{pattern}");
        }
        let numbers = r#"{"data":{"n":1e21,"m":1000.0},"preData":{"n":1e21,"m":1e-7}}"#;
        for pattern in ["+21,", ":1000}", "\"m\": 0.0000001", "000000000000000000000"] {
            assert!(LikeQuery::new(pattern, MEMBERS).matches(numbers), "{pattern}");
        }
        assert_eq!(["1e21", "1e-7", "1000"].map(|n| javascript_number(n.parse().unwrap())), ["1e+21", "1e-7", "1000"]);
        let dotted = r#"{"data":{"city":"İstanbul 100%"}}"#;
        assert!(
            LikeQuery::new("istanbul", MEMBERS).matches(dotted) && LikeQuery::new("İSTAN", MEMBERS).matches(dotted)
        );
        assert!(!LikeQuery::new(r"\", MEMBERS).matches(dotted), "the text does not end with %");
        assert!(!LikeQuery::new("ull", MEMBERS).matches(r#"{"data":null}"#), "null has no text");
    }

    #[test]
    fn patterns_match_escaped_characters() {
        let payload = r#"{"d\u0061ta":{"name":"\u0041lph\u0061\u002D\u0031 \\u0042eta \u00e9 \n"}}"#;
        assert_eq!(unescaped(payload), r#"{"data":{"name":"Alpha-1 \\u0042eta \u00e9 \n"}}"#);
        for pattern in ["alpha", "alpha-1", "-1", "1", r"\\\\u0042eta", "\u{e9}", "u0042"] {
            assert!(LikeQuery::new(pattern, MEMBERS).matches(payload), "{pattern}");
        }
        for pattern in ["u0041", "beta", "0061"] {
            assert!(!LikeQuery::new(pattern, MEMBERS).matches(payload), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn matching_payloads_pass_the_prefilter_and_have_a_position(
            payload in "([abB-]|\\\\u0061|\\\\u0042|\\\\\\\\|\\\\n){0,8}", pattern in "[abAB-]{0,4}",
        ) {
            let payload = format!(r#"{{"data":{{"x":"{payload}"}}}}"#);
            let text = LikeQuery::new(&pattern, MEMBERS);
            let value: Value = serde_json::from_str(&payload).unwrap();
            let expected = value["data"].to_string().to_lowercase().contains(&pattern.to_lowercase());
            prop_assert_eq!(text.matches(&payload), expected);
            if expected {
                let lowered = lower(&payload);
                prop_assert!(text.may_match(|part| lowered.contains(std::str::from_utf8(part).unwrap())));
                prop_assert!(text.candidate_positions(lowered.as_bytes()).next().is_some());
            }
        }
    }
}
