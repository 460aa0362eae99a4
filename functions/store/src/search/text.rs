//! What must stand in an event's payload.

use serde_json::Value;
use serde_json::value::RawValue;

/// What must stand in an event's payload; upper and lower case are the same.
#[derive(Debug, Clone)]
pub struct Text {
    /// What every payload that matches has in it, in lower case: what can be looked for without
    /// reading the payload as JSON. Empty where nothing is sure.
    literal: String,
    /// What decides, where the literal alone does not.
    like: Option<Like>,
}

impl Text {
    /// A part of the payload, as its producer wrote it.
    pub fn part(text: &str) -> Self {
        Self { literal: lower(text), like: None }
    }

    /// A pattern of SQL's `ILIKE` that the text of one of these members must contain, however the producer
    /// wrote it.
    pub fn like(pattern: &str, members: &'static [(&'static str, Notation)]) -> Self {
        let pattern = Pattern::read(pattern);
        Self { literal: pattern.literal(), like: Some(Like { number: pattern.number(), pattern, members }) }
    }

    /// See [`Self::literal`], the field.
    pub(crate) fn literal(&self) -> &str {
        &self.literal
    }

    /// Whether a payload that has the literal matches.
    pub(crate) fn decides(&self, payload: &str) -> bool {
        self.like.as_ref().is_none_or(|like| like.matches(payload))
    }

    /// Whether a payload matches.
    pub(crate) fn matches(&self, payload: &str) -> bool {
        lower(payload).contains(&self.literal) && self.decides(payload)
    }
}

/// A text in lower case, character by character: without context, so that a part of a text is the same
/// part of it in lower case. No other character becomes an ASCII one, so that ASCII can be looked for in
/// bytes.
pub(crate) fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut lower = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_ascii() {
            lower.push(char.to_ascii_lowercase());
        } else if char.to_lowercase().any(|char| char.is_ascii()) {
            lower.push(char);
        } else {
            lower.extend(char.to_lowercase());
        }
    }
    lower
}

/// A text in lower case as PostgreSQL has it: two characters that are not ASCII become ASCII ones.
fn folded(text: &str) -> String {
    let lower = lower(text);
    if lower.is_ascii() { lower } else { lower.replace('\u{130}', "i").replace('\u{212A}', "k") }
}

/// How a member's text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// Without spaces, as JavaScript writes it and PostgreSQL's type `json` keeps it.
    Compact,
    /// As PostgreSQL writes its type `jsonb`: with spaces, and its members in an order of their own.
    Jsonb,
}

#[derive(Debug, Clone)]
struct Like {
    pattern: Pattern,
    /// Digits that every payload has in it which matches, unless it has a number with an exponent.
    number: String,
    members: &'static [(&'static str, Notation)],
}

impl Like {
    fn matches(&self, payload: &str) -> bool {
        if !payload.contains(&self.number) && !has_exponent(payload) {
            return false;
        }
        let Ok(members) = serde_json::from_str::<std::collections::HashMap<&str, &RawValue>>(payload)
            // Names with escapes cannot be borrowed.
            .map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            .or_else(|_| serde_json::from_str::<std::collections::HashMap<String, &RawValue>>(payload))
        else {
            return false;
        };
        self.members.iter().any(|(name, written)| {
            let Some(value) = members.get(*name).map(|value| value.get()).filter(|value| *value != "null") else {
                return false;
            };
            let Ok(value) = serde_json::from_str::<Value>(value) else { return false };
            let text = match written {
                Notation::Compact => compact(&value),
                Notation::Jsonb => jsonb(&value),
            };
            self.pattern.is_in(&folded(&text))
        })
    }
}

/// A pattern of SQL's `LIKE`, which may begin and end anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern(Vec<Part>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Char(char),
    /// `_`
    AnyChar,
    /// `%`
    Any,
}

impl Pattern {
    /// `%` and `_` are wild, and a backslash takes that from what follows it (PostgreSQL 15, 9.7.1): at the end,
    /// from the `%` behind the pattern.
    fn read(pattern: &str) -> Self {
        let mut parts = Vec::new();
        let pattern = folded(&format!("%{pattern}%"));
        let mut chars = pattern.chars();
        while let Some(char) = chars.next() {
            match char {
                '%' => parts.push(Part::Any),
                '_' => parts.push(Part::AnyChar),
                '\\' => parts.extend(chars.next().map(Part::Char)),
                char => parts.push(Part::Char(char)),
            }
        }
        parts.dedup_by(|a, b| *a == Part::Any && *b == Part::Any);
        Self(parts)
    }

    /// The longest run of characters that stand in a text as they do in its JSON, and that are no other
    /// characters in lower case. What may be part of a number is not sure to: see [`Self::number`].
    fn literal(&self) -> String {
        self.longest_run(|run| run.chars().any(|char| char.is_ascii_alphabetic() && char != 'e'))
    }

    /// The longest run that may be part of a number. Numbers are written in several ways.
    fn number(&self) -> String {
        self.longest_run(|run| run.chars().all(|char| char.is_ascii_digit()))
    }

    fn longest_run(&self, will_do: impl Fn(&str) -> bool) -> String {
        let plain = |part: &Part| match part {
            Part::Char('i' | 'k') => None,
            Part::Char(char) if char.is_ascii_alphanumeric() || matches!(char, '-' | '@') => Some(*char),
            _ => None,
        };
        let runs = self.0.split(|part| plain(part).is_none());
        let runs = runs.map(|run| run.iter().filter_map(plain).collect::<String>());
        runs.filter(|run| will_do(run)).max_by_key(String::len).unwrap_or_default()
    }

    /// Whether a text in lower case matches.
    fn is_in(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        // Greedy with one step back: to the last `%`, which takes one character more.
        let (mut at, mut part) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.0.get(part) {
                Some(Part::Any) => {
                    back = Some((part, at));
                    part += 1;
                    // What ends in `%` has matched.
                    if part == self.0.len() {
                        return true;
                    }
                }
                Some(Part::AnyChar) => (at, part) = (at + 1, part + 1),
                Some(Part::Char(char)) if *char == text[at] => (at, part) = (at + 1, part + 1),
                _ => match back {
                    Some((any, from)) => {
                        back = Some((any, from + 1));
                        (at, part) = (from + 1, any + 1);
                    }
                    None => return false,
                },
            }
        }
        self.0[part..].iter().all(|part| *part == Part::Any)
    }
}

/// Whether a text may have a number with an exponent in it.
fn has_exponent(text: &str) -> bool {
    let after = |window: &[u8]| window[2].is_ascii_digit() || b"+-".contains(&window[2]);
    text.as_bytes()
        .windows(3)
        .any(|window| window[0].is_ascii_digit() && window[1].eq_ignore_ascii_case(&b'e') && after(window))
}

/// JSON as JavaScript writes it.
fn compact(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let member =
                |(name, value): (&String, &Value)| format!("{}:{}", Value::from(name.as_str()), compact(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(compact).collect::<Vec<_>>().join(",")),
        Value::Number(number) if number.is_f64() => javascript_number(number.as_f64().unwrap_or_default()),
        plain => plain.to_string(),
    }
}

/// A number as JavaScript writes it: with an exponent where it is very large or small (ECMA-262, 6.1.6.1.20).
pub fn javascript_number(number: f64) -> String {
    let exponential = format!("{number:e}");
    let exponent = exponential.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    match exponent {
        Some(21..) => exponential.replace('e', "e+"),
        Some(..-6) => exponential,
        _ => number.to_string(),
    }
}

/// JSON as PostgreSQL writes the type `jsonb`: members by the length of their names, then by their bytes;
/// one space after each colon and comma (PostgreSQL 15, 8.14).
fn jsonb(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
            let member = |(name, value): (&String, &Value)| format!("{}: {}", Value::from(name.as_str()), jsonb(value));
            format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(jsonb).collect::<Vec<_>>().join(", ")),
        // Whatever its size, without an exponent.
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or_default().to_string(),
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEMBERS: &[(&str, Notation)] = &[("data", Notation::Compact), ("preData", Notation::Jsonb)];

    #[test]
    fn a_part_is_found_whatever_its_case() {
        let payload = r#"{"name":"Über-Flag","x":1}"#;
        for part in ["ÜBER-flag", r#""X":1"#, "flag\"", ""] {
            assert!(Text::part(part).matches(payload), "{part}");
        }
        for part in ["uber", r#""x": 1"#, "flagx"] {
            assert!(!Text::part(part).matches(payload), "{part}");
        }
    }

    #[test]
    fn a_pattern_reads_members_as_postgresql_writes_them() {
        let payload = r#"{"type":"t","data":{"name":"A_b"},"preData":{"long":1,"a":[1,2]}}"#;
        for pattern in [r#""NAME":"a"#, "a_b", r"a\_b", "a%b", r#"{"a": [1, 2], "long": 1}"#, "%", ""] {
            assert!(Text::like(pattern, MEMBERS).matches(payload), "{pattern}");
        }
        for pattern in [r#""name": "#, "type", r"a\%b", r#""long":1"#, r#""t""#] {
            assert!(!Text::like(pattern, MEMBERS).matches(payload), "{pattern}");
        }
        let numbers = r#"{"data":{"n":1e21,"m":1000.0},"preData":{"n":1e21,"m":1e-7}}"#;
        for pattern in ["+21,", ":1000}", "\"m\": 0.0000001", "000000000000000000000"] {
            assert!(Text::like(pattern, MEMBERS).matches(numbers), "{pattern}");
        }
        assert_eq!(["1e21", "1e-7", "1000"].map(|n| javascript_number(n.parse().unwrap())), ["1e+21", "1e-7", "1000"]);
        let dotted = r#"{"data":{"city":"İstanbul 100%"}}"#;
        assert!(Text::like("istanbul", MEMBERS).matches(dotted) && Text::like("İSTAN", MEMBERS).matches(dotted));
        assert!(!Text::like(r"\", MEMBERS).matches(dotted), "it does not end in %");
        assert!(!Text::like("ull", MEMBERS).matches(r#"{"data":null}"#), "null is nothing");
    }

    proptest! {
        #[test]
        fn a_pattern_without_wildcards_is_a_part(text in "[aA.x]{0,12}", part in "[aA.x]{0,4}") {
            let found = Pattern::read(&part).is_in(&folded(&text));
            prop_assert_eq!(found, lower(&text).contains(&lower(&part)));
        }

        #[test]
        fn a_text_has_the_literal_of_every_pattern_that_it_matches(text in "[a-c%_]{0,12}", pattern in "[a-c%_\\\\]{0,6}") {
            let pattern = Pattern::read(&pattern);
            if pattern.is_in(&text) {
                prop_assert!(text.contains(&pattern.literal()));
            }
        }
    }
}
