//! Rows of segments.

use events::{Event, unix_nanoseconds};
use model::{Field, javascript_number, members};
use serde_json::Value;
use store::{Error, EventTable, Item};

use super::columns::{COLUMNS, MAX_PAYLOAD};

/// An event as a row of a segment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: u64,
    /// Time of the event in nanoseconds since 1970.
    pub(crate) time: i64,
    /// Expiry in seconds since 1970.
    pub(crate) expires: Option<i64>,
    /// Values of the fields in [`COLUMNS`], in the same order.
    pub(crate) fields: [Option<String>; COLUMNS.len()],
    pub(crate) entities: Vec<String>,
    /// The producer's own number.
    pub(crate) number: Option<u64>,
    /// Bytes of the payload.
    pub(crate) size: usize,
    /// The payload; `None` if it is larger than [`MAX_PAYLOAD`].
    pub(crate) payload: Option<Vec<u8>>,
    /// Fields that cannot be searched.
    pub(crate) extras: RowExtras,
}

/// The fields of an event that cannot be searched.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct RowExtras {
    /// Time of receipt in nanoseconds since 1970.
    pub(crate) received: i64,
    /// Time of storing in milliseconds since 1970, if the event was late.
    pub(crate) stored: Option<i64>,
    /// True if the event's time is the time of receipt, because the producer gave none.
    pub(crate) is_time_missing: bool,
    /// Version of the event's schema.
    pub(crate) version: Option<u32>,
}

/// The members that only Unleash's own API filters by, in the form of Unleash's database. Unleash's schema defines
/// their types; events of unknown types may have other types.
#[derive(Debug, Default, PartialEq)]
struct UnleashFields {
    number: Option<u64>,
    feature: Option<String>,
    user: Option<String>,
    group: Option<String>,
}

impl UnleashFields {
    fn read(payload: &[u8]) -> Self {
        let Some(members) = std::str::from_utf8(payload).ok().and_then(members) else { return Self::default() };
        let text = |name: &str| javascript_string(serde_json::from_str(members.get(name)?.get()).ok()?);
        Self {
            number: text("id").and_then(|id| id.parse().ok()),
            feature: text("featureName"),
            user: text("createdByUserId"),
            group: text("groupId"),
        }
    }
}

/// Converts a value to a string as JavaScript does: 4.0 becomes "4".
fn javascript_string(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) if number.is_f64() => number.as_f64().map(javascript_number),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Row {
    pub(crate) fn new(mut event: Event, expires: Option<i64>) -> Self {
        let extras = RowExtras {
            received: unix_nanoseconds(event.received_at),
            stored: event.stored_at.map(jiff::Timestamp::as_millisecond),
            is_time_missing: !event.fields.time_given,
            version: event.fields.schema_version,
        };
        let mut unleash =
            if event.catalog == "unleash" { UnleashFields::read(&event.payload) } else { UnleashFields::default() };
        let value = |field: Field| match field {
            Field::Feature => unleash.feature.take(),
            Field::User => unleash.user.take(),
            Field::Group => unleash.group.take(),
            field => field.properties().and_then(|properties| properties.take).and_then(|take| take(&mut event)),
        };
        Self {
            fields: COLUMNS.map(value),
            id: event.id.as_u64(),
            time: unix_nanoseconds(event.fields.time),
            expires,
            entities: event.fields.entities,
            number: unleash.number,
            size: event.payload.len(),
            payload: Some(event.payload).filter(|payload| payload.len() <= MAX_PAYLOAD),
            extras,
        }
    }
}

/// Decodes the item of an event as a row; `None` if the event has expired.
pub(crate) fn row_of(events: &EventTable, item: Item) -> Result<Option<Row>, Error> {
    Ok(events.decode_with_expiry(item)?.map(|(event, expires)| Row::new(event, expires)))
}

#[cfg(test)]
mod tests {
    use model::FILTER_FIELDS;

    use super::*;

    #[test]
    fn every_filter_field_with_one_value_has_a_column() {
        for field in FILTER_FIELDS {
            assert_eq!(field.take.is_some(), COLUMNS.contains(&field.field), "{}", field.name);
        }
    }

    #[test]
    fn a_member_of_another_type_does_not_hide_the_others() {
        let read = |payload: &str| {
            let UnleashFields { number, feature, user, group } = UnleashFields::read(payload.as_bytes());
            (number, feature.unwrap_or_default(), user.unwrap_or_default(), group.unwrap_or_default())
        };
        let expected = |number, feature: &str, user: &str, group: &str| {
            (number, feature.to_owned(), user.to_owned(), group.to_owned())
        };
        for (payload, expected) in [
            (
                r#"{"id":1,"featureName":"f","createdByUserId":-1337,"groupId":"5"}"#,
                expected(Some(1), "f", "-1337", "5"),
            ),
            (r#"{"id":1,"featureName":"f","groupId":5}"#, expected(Some(1), "f", "", "5")),
            (r#"{"id":4.0,"featureName":[],"createdByUserId":7.0}"#, expected(Some(4), "", "7", "")),
            (r#"{"id":-1,"featureName":"f","createdByUserId":null}"#, expected(None, "f", "", "")),
            (r#"{"i\u0064":1e3,"featureName":"\u0066"}"#, expected(Some(1000), "f", "", "")),
            (r#"{"id":1,"id":2}"#, expected(Some(2), "", "", "")),
            ("[1]", expected(None, "", "", "")),
        ] {
            assert_eq!(read(payload), expected, "{payload}");
        }
    }
}
