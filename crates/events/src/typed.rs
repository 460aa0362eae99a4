//! Shared functions of the generated types.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::rules::whole_number;

/// The error of JSON that does not have its Rust type.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// The event does not have the structure of its type.
    #[error("invalid event of the type {event_type}: {source}")]
    Type {
        /// Type that the event states.
        event_type: &'static str,
        /// Difference between the event and the type.
        source: serde_json::Error,
    },
}

pub(crate) fn json(payload: &[u8]) -> Result<Value, ParseError> {
    serde_json::from_slice(payload).map_err(ParseError::Json)
}

/// Returns the event's type according to the catalog's rules.
pub(crate) fn event_type(catalog: &str, payload: &Value) -> Option<String> {
    Some(crate::catalog(catalog)?.rules.event_type(payload)?.1)
}

pub(crate) fn read<T: DeserializeOwned>(event_type: &'static str, payload: &Value) -> Result<T, ParseError> {
    // JSON Schema accepts `1.0` as an integer and serde does not. Such numbers are rare, so they are converted only if the
    // first attempt fails.
    T::deserialize(payload)
        .or_else(|error| T::deserialize(&with_whole_numbers(payload)).map_err(|_| error))
        .map_err(|source| ParseError::Type { event_type, source })
}

/// Deserializes an optional, nullable field: a present value, even null, is `Some`.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

pub(crate) fn write(event: &impl Serialize) -> Result<Value, ParseError> {
    serde_json::to_value(event).map_err(ParseError::Json)
}

fn with_whole_numbers(value: &Value) -> Value {
    match value {
        Value::Number(_) => whole_number(value).map_or_else(|| value.clone(), Value::from),
        Value::Array(items) => items.iter().map(with_whole_numbers).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), with_whole_numbers(value))).collect(),
        _ => value.clone(),
    }
}
