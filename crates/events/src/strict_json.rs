//! Strict parsing of JSON: rejects texts that different parsers could interpret differently.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use crate::text::truncate;
use crate::violation::Violation;

/// Maximum number of values in a text. A value may take two bytes in the text, but many times that in the memory of a
/// function.
const MAX_JSON_VALUES: usize = 200_000;

/// Maximum number of characters of a name that an error message quotes.
const MAX_QUOTED_CHARS: usize = 64;

/// A JSON value that is deserialized strictly: duplicate names in an object, unpaired surrogates, numbers out of the range
/// of a double and too many values are errors. Errors contain no values of the text.
#[derive(Debug, Default)]
pub struct StrictJson(pub Value);

impl<'de> Deserialize<'de> for StrictJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Strict(&State::default()).deserialize(deserializer).map(Self)
    }
}

/// A parsed payload.
pub(crate) struct ParsedPayload {
    pub(crate) value: Value,
    /// Number of values that the payload consists of, including nested ones.
    pub(crate) value_count: usize,
}

/// Parses a payload according to RFC 8259. Rejects what parsers interpret differently: duplicate names in an object,
/// unpaired surrogates, and numbers out of the range of a double. Values may be nested 127 levels deep.
pub(crate) fn parse(payload: &[u8]) -> Result<ParsedPayload, Violation> {
    let state = State::default();
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let result = Strict(&state).deserialize(&mut deserializer).and_then(|value| {
        deserializer.end()?;
        Ok(value)
    });
    match result {
        Ok(value) => Ok(ParsedPayload { value, value_count: state.value_count.get() }),
        Err(error) => Err(Violation::new("", state.keyword.get(), error.to_string())),
    }
}

struct State {
    value_count: Cell<usize>,
    /// Keyword of the violation, in case of an error.
    keyword: Cell<&'static str>,
}

impl Default for State {
    fn default() -> Self {
        Self { value_count: Cell::new(0), keyword: Cell::new("json") }
    }
}

#[derive(Clone, Copy)]
struct Strict<'a>(&'a State);

impl Strict<'_> {
    fn count<E: Error>(self) -> Result<(), E> {
        let count = self.0.value_count.get() + 1;
        self.0.value_count.set(count);
        if count <= MAX_JSON_VALUES {
            return Ok(());
        }
        self.0.keyword.set("maxValues");
        Err(E::custom(format_args!("expected at most {MAX_JSON_VALUES} values, found more")))
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            match object.entry(name) {
                Entry::Vacant(free) => {
                    free.insert(fields.next_value_seed(self)?);
                }
                Entry::Occupied(taken) => {
                    self.0.keyword.set("duplicate");
                    let name = truncate(taken.key(), MAX_QUOTED_CHARS);
                    return Err(A::Error::custom(format_args!("the object contains the name {name:?} twice")));
                }
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn rejection(payload: &str) -> (String, String) {
        let violation = parse(payload.as_bytes()).err().unwrap_or_else(|| panic!("{payload} is accepted"));
        (violation.keyword, violation.message)
    }

    #[test]
    fn ambiguous_payloads_are_rejected() {
        for (payload, keyword, text) in [
            (r#"{"a": 1, "b": {"c": 1, "c": 2}}"#, "duplicate", r#"the object contains the name "c" twice at line 1"#),
            (r#"{"a": 1, "\u0061": 2}"#, "duplicate", "twice"),
            (r#"{"a": "\ud800"}"#, "json", "hex escape"),
            (r#"{"a": "\udc00\ud800"}"#, "json", "surrogate"),
            (r#"{"a": 1e400}"#, "json", "number out of range"),
            ("{\"a\": \"\0\"}", "json", "control character"),
            ("\u{feff}{}", "json", "expected value"),
        ] {
            let (found, message) = rejection(payload);
            assert_eq!(found, keyword, "{payload}");
            assert!(message.contains(text), "{payload}: {message}");
        }
    }

    #[test]
    fn unusual_but_unambiguous_payloads_are_accepted() {
        for payload in [
            r#"{"a": "\u0000"}"#,
            r#"{"": 1, "a": 123456789012345678901234567890, "b": 1e-400}"#,
            r#"{"a": "\ud83d\ude00"}"#,
        ] {
            assert_eq!(parse(payload.as_bytes()).unwrap().value, serde_json::from_str::<Value>(payload).unwrap());
        }
    }

    #[test]
    fn nesting_depth_and_number_of_values_are_limited() {
        assert!(parse(format!("{}{}", "[".repeat(127), "]".repeat(127)).as_bytes()).is_ok());
        assert!(rejection(&"[".repeat(100_000)).1.contains("recursion limit"));
        let zeros = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        assert_eq!(parse(zeros(MAX_JSON_VALUES - 1).as_bytes()).unwrap().value_count, MAX_JSON_VALUES);
        assert_eq!(rejection(&zeros(MAX_JSON_VALUES)).0, "maxValues");
    }

    #[test]
    fn values_are_deserialized_unchanged_and_duplicate_names_are_rejected() {
        let text = r#"{"a": [1, -2, 1.5, "x", null, true, {"b": {}}], "c": {"a": 123456789012345678901234567890}}"#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::from_str::<StrictJson>(text).unwrap().0, expected);
        for twice in [r#"{"a": 1, "a": 1}"#, r#"{"a": 1, "\u0061": 2}"#, r#"[{"b": {"a": 1, "a": 2}}]"#] {
            let error = serde_json::from_str::<StrictJson>(twice).unwrap_err().to_string();
            assert!(error.contains("the object contains the name \"a\" twice"), "{error}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,5}", inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_parsed_as_by_serde_json(value in json()) {
            let text = value.to_string();
            let expected: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(parse(text.as_bytes()).unwrap().value, expected);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            prop_assert_eq!(parse(&bytes).is_ok(), serde_json::from_slice::<Value>(&bytes).is_ok());
        }
    }
}
