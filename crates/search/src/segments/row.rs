//! An event as segments take it.

use events::{Event, unix_nanoseconds};
use model::{javascript_number, members};
use serde_json::Value;
use store::{Error, EventTable, Item};

use super::columns::{COLUMNS, MAX_PAYLOAD};

/// An event as segments take it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: u64,
    /// Its time in nanoseconds since 1970.
    pub(crate) time: i64,
    /// When it expires, in seconds since 1970.
    pub(crate) expires: Option<i64>,
    /// Its fields, in the order of the columns.
    pub(crate) fields: [Option<String>; COLUMNS.len()],
    pub(crate) entities: Vec<String>,
    /// The producer's own number.
    pub(crate) number: Option<u64>,
    /// How many bytes its payload has.
    pub(crate) size: usize,
    /// The payload; `None` where it is too large for a segment's text, and for memory that holds many.
    pub(crate) payload: Option<Vec<u8>>,
    /// What no search asks for.
    pub(crate) rest: RowExtras,
}

/// What of an event no search asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct RowExtras {
    /// When it was received, in nanoseconds since 1970.
    pub(crate) received: i64,
    /// When it was stored, in milliseconds since 1970, where that was late.
    pub(crate) stored: Option<i64>,
    /// Whether its time is that of receipt, because the producer gave none.
    pub(crate) no_time: bool,
    /// The version of its schema.
    pub(crate) version: Option<u32>,
}

/// What Unleash's own API filters by, besides what every event has: each as Unleash's database would have it. Its
/// schema says what they are; an event of a type that is not known may have them otherwise.
#[derive(Debug, Default, PartialEq)]
struct Unleash {
    number: Option<u64>,
    feature: Option<String>,
    user: Option<String>,
    group: Option<String>,
}

impl Unleash {
    fn read(payload: &[u8]) -> Self {
        let Some(members) = std::str::from_utf8(payload).ok().and_then(members) else { return Self::default() };
        let text = |name: &str| as_text(serde_json::from_str(members.get(name)?.get()).ok()?);
        Self {
            number: text("id").and_then(|id| id.parse().ok()),
            feature: text("featureName"),
            user: text("createdByUserId"),
            group: text("groupId"),
        }
    }
}

/// A value as JavaScript makes it a text: 4.0 is 4.
fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) if number.is_f64() => number.as_f64().map(javascript_number),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Row {
    pub(crate) fn new(event: Event, expires: Option<i64>) -> Self {
        let fields = event.fields;
        let rest = RowExtras {
            received: unix_nanoseconds(event.received_at),
            stored: event.stored_at.map(jiff::Timestamp::as_millisecond),
            no_time: !fields.time_given,
            version: fields.schema_version,
        };
        let own = if event.catalog == "unleash" { Unleash::read(&event.payload) } else { Unleash::default() };
        Self {
            id: event.id.as_u64(),
            time: unix_nanoseconds(fields.time),
            expires,
            fields: [
                Some(event.source),
                Some(event.catalog),
                Some(fields.scope.to_string()),
                Some(fields.event_type),
                fields.actor,
                fields.subject,
                fields.project,
                fields.environment,
                fields.level.map(|level| level.to_string()),
                own.feature,
                own.user,
                own.group,
            ],
            entities: fields.entities,
            number: own.number,
            size: event.payload.len(),
            payload: Some(event.payload).filter(|payload| payload.len() <= MAX_PAYLOAD),
            rest,
        }
    }
}

/// Decodes the item of an event as a row; `None` if the event has expired.
pub(crate) fn row_of(events: &EventTable, item: Item) -> Result<Option<Row>, Error> {
    Ok(events.decode_with_expiry(item)?.map(|(event, expires)| Row::new(event, expires)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_member_that_is_something_else_hides_no_other() {
        let read = |payload: &str| {
            let Unleash { number, feature, user, group } = Unleash::read(payload.as_bytes());
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
