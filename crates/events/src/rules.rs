//! A catalog's extraction rules: the data of its `catalog.json`.

use std::collections::HashSet;

use event_time::{parse_time, parse_unix_number};
use jiff::Timestamp;
use serde_json::Value;

use crate::event::{Level, Scope};
use crate::fingerprint::ProducerId;
use crate::text::truncate;

/// Maximum length of a time that a message quotes, in characters.
const MAX_QUOTED_TIME_CHARS: usize = 40;

/// The paths of each field in a payload; the first path with a value wins. `codegen::CatalogFile`, from which these rules
/// are generated, documents the fields.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) event_type: &'static [FieldPath],
    pub(crate) untyped: Option<&'static str>,
    pub(crate) scope: ScopeRule,
    pub(crate) time: &'static [FieldPath],
    pub(crate) producer_id: &'static [FieldPath],
    pub(crate) actor: &'static [FieldPath],
    pub(crate) subject: &'static [FieldPath],
    pub(crate) entities: &'static [FieldPath],
    pub(crate) project: &'static [FieldPath],
    pub(crate) environment: &'static [FieldPath],
    pub(crate) level: &'static [FieldPath],
}

/// A JSON Pointer, and optionally the part of its string to use.
#[derive(Debug)]
pub(crate) struct FieldPath {
    pub(crate) pointer: &'static str,
    /// The part begins after the first occurrence of this text.
    pub(crate) after: Option<&'static str>,
    /// The part ends before the last occurrence of this text.
    pub(crate) before: Option<&'static str>,
}

/// The rule that determines an event's scope.
#[derive(Debug)]
pub(crate) enum ScopeRule {
    Always(Scope),
    From { path: FieldPath, values: &'static [(&'static str, Scope)], otherwise: Scope },
}

/// The time that a payload states.
pub(crate) struct FoundTime {
    pub(crate) pointer: &'static str,
    /// The time; `None` if the value is not a time.
    pub(crate) time: Option<Timestamp>,
    /// Description of the value, for a message.
    pub(crate) found: String,
}

/// A text and the JSON Pointer to it.
pub(crate) type FoundText = (&'static str, String);

impl FieldPath {
    /// Returns the text at this path, if there is any.
    fn find(&self, payload: &Value) -> Option<String> {
        self.extract_part(payload.pointer(self.pointer)?)
    }

    /// Returns the part of a string or number that this path selects, unless it is empty.
    fn extract_part(&self, value: &Value) -> Option<String> {
        let text = match value {
            Value::String(text) => text.as_str(),
            Value::Number(number) => return Some(number.to_string()),
            _ => return None,
        };
        let text = self.part_of(text);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Returns the part of a string that this path selects.
    fn part_of<'a>(&self, text: &'a str) -> &'a str {
        let text = self.after.and_then(|after| text.split_once(after)).map_or(text, |(_, rest)| rest);
        self.before.and_then(|before| text.rsplit_once(before)).map_or(text, |(rest, _)| rest)
    }

    /// Interprets a value at this path as a time: a text, or a Unix time as a number.
    fn read_time(&self, value: &Value) -> FoundTime {
        let (time, found) = match value {
            Value::String(text) => {
                let text = self.part_of(text);
                (parse_time(text), format!("{:?}", truncate(text, MAX_QUOTED_TIME_CHARS)))
            }
            Value::Number(number) => (parse_unix_number(number), number.to_string()),
            Value::Array(_) => (None, "an array".to_owned()),
            Value::Object(_) => (None, "an object".to_owned()),
            Value::Bool(_) | Value::Null => (None, value.to_string()),
        };
        FoundTime { pointer: self.pointer, time, found }
    }
}

/// Returns the first text at any of the paths.
pub(crate) fn find_first(paths: &[FieldPath], payload: &Value) -> Option<FoundText> {
    paths.iter().find_map(|path| Some((path.pointer, path.find(payload)?)))
}

/// Returns the distinct texts at all paths, including the items of arrays.
pub(crate) fn find_all(paths: &[FieldPath], payload: &Value) -> Vec<FoundText> {
    let mut found: Vec<FoundText> = Vec::new();
    let mut known: HashSet<String> = HashSet::new();
    for path in paths {
        let values = match payload.pointer(path.pointer) {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        for text in values.iter().filter_map(|value| path.extract_part(value)) {
            if known.insert(text.clone()) {
                found.push((path.pointer, text));
            }
        }
    }
    found
}

impl Rules {
    /// Returns the event's type and its location.
    pub(crate) fn event_type(&self, payload: &Value) -> Option<FoundText> {
        find_first(self.event_type, payload)
    }

    /// Returns the type of events that do not state one, if the catalog allows that.
    pub(crate) fn untyped(&self) -> Option<FoundText> {
        Some(("", self.untyped?.to_owned()))
    }

    /// Returns the time that the payload states, even if it is not readable: the first value that is neither null nor
    /// empty, or else an empty one.
    pub(crate) fn time(&self, payload: &Value) -> Option<FoundTime> {
        let values = || {
            let value = |path: &'static FieldPath| Some((path, payload.pointer(path.pointer)?));
            self.time.iter().filter_map(value).filter(|(_, value)| !value.is_null())
        };
        let (path, value) = values().find(|(_, value)| value.as_str() != Some("")).or_else(|| values().next())?;
        Some(path.read_time(value))
    }

    /// Returns the event's scope.
    pub(crate) fn scope(&self, payload: &Value) -> Scope {
        match &self.scope {
            ScopeRule::Always(scope) => *scope,
            ScopeRule::From { path, values, otherwise } => {
                let text = path.find(payload).unwrap_or_default();
                values.iter().find(|(value, _)| *value == text).map_or(*otherwise, |(_, scope)| *scope)
            }
        }
    }

    /// Returns the producer's ID of the event.
    pub(crate) fn producer_id(&self, payload: &Value) -> Option<ProducerId> {
        self.producer_id.iter().find_map(|path| {
            let value = payload.pointer(path.pointer)?;
            if let Some(number) = whole_number(value).and_then(|number| number.try_into().ok()) {
                return Some(ProducerId::Number(number));
            }
            // Numbers beyond the precision of a double are ambiguous and identify nothing.
            if value.as_f64().is_some_and(|float| float.abs() > MAX_SAFE_INTEGER) {
                return None;
            }
            path.extract_part(value).map(ProducerId::Text)
        })
    }

    /// Returns the level of a log line. Producers write levels in upper or lower case, optionally with an offset
    /// (`ERROR+2`). An unknown level is ignored.
    pub(crate) fn level(&self, payload: &Value) -> Option<Level> {
        let (_, text) = find_first(self.level, payload)?;
        let text = text.trim_start().to_ascii_uppercase();
        let levels = [
            ("TRACE", Level::Debug),
            ("DEBUG", Level::Debug),
            ("INFO", Level::Info),
            ("WARN", Level::Warn),
            ("ERR", Level::Error),
            ("FATAL", Level::Error),
        ];
        levels.into_iter().find(|(name, _)| text.starts_with(name)).map(|(_, level)| level)
    }
}

/// Largest integer n such that a double represents all integers up to n exactly.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// Returns the value as an integer. Like JSON Schema, this accepts `1.0`.
pub(crate) fn whole_number(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= MAX_SAFE_INTEGER)?;
        // An integer within 2^53 is converted exactly.
        #[expect(clippy::cast_possible_truncation)]
        Some(float as i64)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const REQUESTOR: FieldPath = FieldPath { pointer: "/requestor", after: Some("/"), before: Some(" (") };

    #[test]
    fn paths_select_a_part_of_a_string() {
        for (requestor, actor) in [
            ("tls/a57b (10.0.0.101)", Some("a57b")),
            ("oidc/ada@example.org (10.0.0.1:443)", Some("ada@example.org")),
            ("oidc/https://id/ada (work) (10.0.0.1)", Some("https://id/ada (work)")),
            ("unix/root", Some("root")),
            ("ada", Some("ada")),
            ("tls/ (10.0.0.1)", None),
            ("", None),
        ] {
            let found = REQUESTOR.find(&json!({ "requestor": requestor }));
            assert_eq!(found.as_deref(), actor, "{requestor}");
        }
    }

    #[test]
    fn only_integers_are_whole_numbers() {
        assert_eq!(whole_number(&json!(27332)), Some(27332));
        assert_eq!(whole_number(&json!(27332.0)), Some(27332));
        assert_eq!(whole_number(&json!(1.5)), None);
        assert_eq!(whole_number(&json!(1e300)), None);
        assert_eq!(whole_number(&json!("1")), None);
    }
}
