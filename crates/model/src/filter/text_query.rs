//! What must stand in an event's payload.

use std::borrow::Cow;
use std::collections::BTreeSet;

use memchr::memmem;
use serde_json::Value;

use super::case_fold::{fold, lower};
use super::json_text::{compact, jsonb, members};
use super::like_pattern::{LikePattern, is_plain};

/// What an escape of a plain character begins with.
const ESCAPE: &str = r"\u00";

/// What must stand in an event's payload; upper and lower case are the same.
#[derive(Debug, Clone)]
pub struct TextQuery {
    /// What every payload that matches has in it, in lower case: what can be looked for without
    /// reading the payload as JSON. Empty where nothing is sure.
    literal: String,
    /// What decides, where the literal alone does not.
    like: Option<Like>,
}

impl TextQuery {
    /// A part of the payload, as its producer wrote it.
    pub fn part(text: &str) -> Self {
        Self { literal: lower(text), like: None }
    }

    /// A pattern of SQL's `ILIKE` that the text of one of these members must contain, however the producer
    /// wrote it.
    pub fn like(pattern: &str, members: &'static [(&'static str, JsonNotation)]) -> Self {
        let pattern = LikePattern::read(pattern);
        Self { literal: pattern.literal(), like: Some(Like { number: pattern.number(), pattern, members }) }
    }

    /// See [`Self::literal`], the field.
    pub fn literal(&self) -> &str {
        &self.literal
    }

    /// Whether payloads may match, of which it is known what they may have in them, in lower case.
    pub fn may_be(&self, may_have: impl Fn(&[u8]) -> bool) -> bool {
        // A pattern finds the literal also where its characters are escaped.
        let escaped = || self.like.is_some() && may_have(ESCAPE.as_bytes()) && self.may_be_escaped(&may_have);
        may_have(self.literal.as_bytes()) || escaped()
    }

    /// The same, where any of the literal's characters may be escaped: follows every way to write it while there may
    /// be one, by the last bytes of each.
    fn may_be_escaped(&self, may_have: impl Fn(&[u8]) -> bool) -> bool {
        // What stands before them tells nothing more: runs of four bytes are known.
        const LAST: usize = 3;
        let mut ways = BTreeSet::from([String::new()]);
        for char in self.literal.chars() {
            let escape = |char: char| format!("{ESCAPE}{:02x}", u32::from(char));
            let forms = [char.to_string(), escape(char), escape(char.to_ascii_uppercase())];
            let longer = ways.iter().flat_map(|way| forms.iter().map(move |form| format!("{way}{form}")));
            let longer = longer.filter(|way| may_have(way.as_bytes()));
            ways = longer.map(|way| way[way.len().saturating_sub(LAST)..].to_owned()).collect();
        }
        !ways.is_empty()
    }

    /// Where payloads in lower case have something for which [`Self::decides`] is to be asked, lowest place first.
    pub fn places<'a>(&'a self, payloads: &'a [u8]) -> impl Iterator<Item = usize> {
        let mut literal = memmem::find_iter(payloads, &self.literal).peekable();
        let escapes = self.like.iter().flat_map(move |_| memmem::find_iter(payloads, ESCAPE));
        let mut escapes = escapes.peekable();
        std::iter::from_fn(move || match (literal.peek(), escapes.peek()) {
            (Some(place), Some(escape)) if escape < place => escapes.next(),
            (Some(_), _) => literal.next(),
            (None, _) => escapes.next(),
        })
    }

    /// Whether a payload matches that has the literal, or an escape.
    pub fn decides(&self, payload: &str) -> bool {
        self.like.as_ref().is_none_or(|like| match unescaped(payload) {
            Cow::Borrowed(payload) => like.matches(payload),
            Cow::Owned(payload) => lower(&payload).contains(&self.literal) && like.matches(&payload),
        })
    }

    /// Whether a payload matches.
    pub fn matches(&self, payload: &str) -> bool {
        let escaped = || self.like.is_some() && payload.contains(ESCAPE);
        (lower(payload).contains(&self.literal) || escaped()) && self.decides(payload)
    }
}

/// A payload whose plain characters are not escaped: as JavaScript writes it, so that a literal can be looked for in it.
fn unescaped(payload: &str) -> Cow<'_, str> {
    if memmem::find(payload.as_bytes(), ESCAPE.as_bytes()).is_none() {
        return payload.into();
    }
    let (mut plain, mut rest) = (String::with_capacity(payload.len()), payload);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        plain.push_str(before);
        let digits = escape.strip_prefix(ESCAPE).and_then(|digits| digits.get(..2));
        let char = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).map(char::from);
        let (kept, length) = match char.filter(|char| is_plain(*char)) {
            Some(char) => (Some(char), ESCAPE.len() + 2),
            // What follows a backslash belongs to it, a second one too.
            None => (None, 1 + escape[1..].chars().next().map_or(0, char::len_utf8)),
        };
        plain.extend(kept);
        plain.push_str(if kept.is_some() { "" } else { &escape[..length] });
        rest = &escape[length..];
    }
    (plain + rest).into()
}

/// How a member's text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonNotation {
    /// Without spaces, as JavaScript writes it and PostgreSQL's type `json` keeps it.
    Compact,
    /// As PostgreSQL writes its type `jsonb`: with spaces, and its members in an order of their own.
    Jsonb,
}

#[derive(Debug, Clone)]
struct Like {
    pattern: LikePattern,
    /// Digits that every payload has in it which matches, unless it has a number with an exponent.
    number: String,
    members: &'static [(&'static str, JsonNotation)],
}

impl Like {
    fn matches(&self, payload: &str) -> bool {
        if !payload.contains(&self.number) && !has_exponent(payload) {
            return false;
        }
        let Some(members) = members(payload) else { return false };
        self.members.iter().any(|(name, written)| {
            let Some(value) = members.get(*name).map(|value| value.get()).filter(|value| *value != "null") else {
                return false;
            };
            let Ok(value) = serde_json::from_str::<Value>(value) else { return false };
            let text = match written {
                JsonNotation::Compact => compact(&value),
                JsonNotation::Jsonb => jsonb(&value),
            };
            self.pattern.is_in(&fold(&text))
        })
    }
}

/// Whether a text may have a number with an exponent in it.
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
    fn a_part_is_found_whatever_its_case() {
        let payload = r#"{"name":"Über-Flag","x":1}"#;
        for part in ["ÜBER-flag", r#""X":1"#, "flag\"", ""] {
            assert!(TextQuery::part(part).matches(payload), "{part}");
        }
        for part in ["uber", r#""x": 1"#, "flagx"] {
            assert!(!TextQuery::part(part).matches(payload), "{part}");
        }
    }

    #[test]
    fn a_pattern_reads_members_as_postgresql_writes_them() {
        let payload = r#"{"type":"t","data":{"name":"A_b"},"preData":{"long":1,"a":[1,2]}}"#;
        for pattern in [r#""NAME":"a"#, "a_b", r"a\_b", "a%b", r#"{"a": [1, 2], "long": 1}"#, "%", ""] {
            assert!(TextQuery::like(pattern, MEMBERS).matches(payload), "{pattern}");
        }
        for pattern in [r#""name": "#, "type", r"a\%b", r#""long":1"#, r#""t""#] {
            assert!(!TextQuery::like(pattern, MEMBERS).matches(payload), "{pattern}");
        }
        let numbers = r#"{"data":{"n":1e21,"m":1000.0},"preData":{"n":1e21,"m":1e-7}}"#;
        for pattern in ["+21,", ":1000}", "\"m\": 0.0000001", "000000000000000000000"] {
            assert!(TextQuery::like(pattern, MEMBERS).matches(numbers), "{pattern}");
        }
        assert_eq!(["1e21", "1e-7", "1000"].map(|n| javascript_number(n.parse().unwrap())), ["1e+21", "1e-7", "1000"]);
        let dotted = r#"{"data":{"city":"İstanbul 100%"}}"#;
        assert!(
            TextQuery::like("istanbul", MEMBERS).matches(dotted) && TextQuery::like("İSTAN", MEMBERS).matches(dotted)
        );
        assert!(!TextQuery::like(r"\", MEMBERS).matches(dotted), "it does not end in %");
        assert!(!TextQuery::like("ull", MEMBERS).matches(r#"{"data":null}"#), "null is nothing");
    }

    #[test]
    fn a_pattern_reads_escapes_as_what_they_stand_for() {
        let payload = r#"{"d\u0061ta":{"name":"\u0041lph\u0061\u002D\u0031 \\u0042eta \u00e9 \n"}}"#;
        assert_eq!(unescaped(payload), r#"{"data":{"name":"Alpha-1 \\u0042eta \u00e9 \n"}}"#);
        for pattern in ["alpha", "alpha-1", "-1", "1", r"\\\\u0042eta", "\u{e9}", "u0042"] {
            assert!(TextQuery::like(pattern, MEMBERS).matches(payload), "{pattern}");
        }
        for pattern in ["u0041", "beta", "0061"] {
            assert!(!TextQuery::like(pattern, MEMBERS).matches(payload), "{pattern}");
        }
        assert!(!TextQuery::part("alpha").matches(payload), "a part is looked for as it was written");
    }

    proptest! {
        #[test]
        fn what_matches_may_be_there_and_has_a_place(
            payload in "([abB-]|\\\\u0061|\\\\u0042|\\\\\\\\|\\\\n){0,8}", pattern in "[abAB-]{0,4}",
        ) {
            let payload = format!(r#"{{"data":{{"x":"{payload}"}}}}"#);
            let text = TextQuery::like(&pattern, MEMBERS);
            let value: Value = serde_json::from_str(&payload).unwrap();
            let expected = value["data"].to_string().to_lowercase().contains(&pattern.to_lowercase());
            prop_assert_eq!(text.matches(&payload), expected);
            if expected {
                let lowered = lower(&payload);
                prop_assert!(text.may_be(|part| lowered.contains(std::str::from_utf8(part).unwrap())));
                prop_assert!(text.places(lowered.as_bytes()).next().is_some());
            }
        }
    }
}
