//! The values of a template's tags: JSON whose numbers keep their text.
//!
//! `serde_json::Value` stores numbers as 64-bit integers or floating-point numbers, which changes other numbers.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A value in the context of a template.
#[derive(Clone, Debug)]
pub enum TemplateValue {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as text.
    Number(Box<RawValue>),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(TemplateObject),
}

/// An object in the context of a template. Its members keep their order.
#[derive(Clone, Debug, Default)]
pub struct TemplateObject {
    members: Vec<(String, TemplateValue)>,
    positions: HashMap<String, usize>,
}

impl TemplateObject {
    pub(super) fn get(&self, name: &str) -> Option<&TemplateValue> {
        self.positions.get(name).map(|position| &self.members[*position].1)
    }
}

impl FromIterator<(String, TemplateValue)> for TemplateObject {
    fn from_iter<I: IntoIterator<Item = (String, TemplateValue)>>(members: I) -> Self {
        let members: Vec<_> = members.into_iter().collect();
        let positions = members.iter().enumerate().map(|(position, (name, _))| (name.clone(), position)).collect();
        Self { members, positions }
    }
}

impl TemplateValue {
    /// Parses JSON.
    ///
    /// # Errors
    /// If the bytes are not JSON, or nested too deeply.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        Self::from_raw(serde_json::from_slice(json)?)
    }

    fn from_raw(raw: &RawValue) -> Result<Self, serde_json::Error> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Self::String(serde_json::from_str(text)?),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                Self::Array(items.into_iter().map(Self::from_raw).collect::<Result<_, _>>()?)
            }
            Some(b'{') => {
                let Members(members) = serde_json::from_str(text)?;
                let parse = |(name, raw)| Self::from_raw(raw).map(|value| (name, value));
                Self::Object(members.into_iter().map(parse).collect::<Result<_, _>>()?)
            }
            _ => Self::Number(raw.to_owned()),
        })
    }

    /// Creates an object.
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub(super) fn number(number: impl fmt::Display) -> Self {
        RawValue::from_string(number.to_string()).map_or(Self::Null, Self::Number)
    }
}

impl From<&Value> for TemplateValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Number(number) => Self::number(number),
            Value::String(string) => Self::String(string.clone()),
            Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Object(members) => {
                Self::Object(members.iter().map(|(name, value)| (name.clone(), Self::from(value))).collect())
            }
        }
    }
}

impl Serialize for TemplateValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(bool) => serializer.serialize_bool(*bool),
            Self::Number(number) => number.serialize(serializer),
            Self::String(string) => serializer.serialize_str(string),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.members.len()))?;
                for (name, value) in &object.members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// The members of an object in their order, not parsed yet.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;

        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::{Escape, Template};

    #[test]
    fn rendered_numbers_keep_their_text() {
        let context = TemplateValue::parse(br#"{"n": 1234567890.123456789, "z": 0.0e1, "o": {"n": 1E2}}"#).unwrap();
        let template = Template::parse("{{n}} {{o.n}} {{o}} {{^z}}zero{{/z}}").unwrap();
        let rendered = template.render(context, Escape::None, 1000).unwrap();
        assert_eq!(rendered, r#"1234567890.123456789 1E2 {"n":1E2} zero"#);
    }

    #[test]
    fn numbers_keep_their_text() {
        let text = r#"{"z":[1e2,18446744073709551616,1234567890.123456789,-0.0],"a":{"b":100000000000000000000},"c":"\u00e9"}"#;
        let value = TemplateValue::parse(text.as_bytes()).unwrap();
        let expected = text.replace("\\u00e9", "é");
        assert_eq!(serde_json::to_string(&value).unwrap(), expected);
        TemplateValue::parse(b"{\"a\":}").unwrap_err();
    }
}
