//! Moving items of the `events` table to another number of shards.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use events::EventId;
use jiff::Timestamp;

use super::event_item::EventItem;
use super::item_key::link_key;
use super::pack_fence::PackFence;
use crate::error::Error;

/// Rewrites the keys of an item of the `events` table for a log of `shards` shards. An event that is stored there at
/// `stored` may be late there. Items without a shard are unchanged.
///
/// # Errors
/// [`Error::Corrupt`] if it is not an item of that table.
#[expect(clippy::implicit_hasher, reason = "items of the SDK are such maps")]
pub fn reshard_item(
    mut item: HashMap<String, AttributeValue>,
    shards: u16,
    stored: Option<Timestamp>,
) -> Result<HashMap<String, AttributeValue>, Error> {
    let corrupt = |reason: String| Error::corrupt("events", reason);
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let key = text("pk").ok_or_else(|| corrupt("an item has no key".to_owned()))?;
    if let Some(link) = key.strip_prefix("X#") {
        let (entity, _) = link.rsplit_once('#').ok_or_else(|| corrupt(format!("the link {key:?} is invalid")))?;
        let id = item.get("sk").and_then(|id| id.as_n().ok()?.parse::<EventId>().ok());
        let id = id.ok_or_else(|| corrupt(format!("the link {key:?} has no event")))?;
        let key = link_key(entity, id.shard(shards));
        item.insert("pk".to_owned(), AttributeValue::S(key));
    } else if key.starts_with("E#") {
        let mut event: EventItem = serde_dynamo::from_item(item).map_err(|e| corrupt(e.to_string()))?;
        if let Some(stored) = stored {
            event.set_stored_at(stored, PackFence::default());
        }
        event.place(event.sk, shards);
        return serde_dynamo::to_item(event).map_err(|e| corrupt(e.to_string()));
    }
    Ok(item)
}

#[cfg(test)]
mod tests {
    use events::{Event, Fields, Fingerprint, Scope};
    use jiff::SignedDuration;

    use super::*;
    use crate::event_table::event_item::LATE_AFTER;
    use crate::event_table::item_key::{claim_key, index_key, late_key, shard_key};

    fn event() -> Event {
        let time: Timestamp = "2025-12-09T23:33:04.123456789Z".parse().unwrap();
        let fields = Fields {
            scope: Scope::Lifecycle,
            event_type: "migration-created".into(),
            time,
            time_given: false,
            actor: Some("alice".into()),
            subject: Some("/1.0/instances/a".into()),
            entities: vec!["/1.0/instances/a".into(), "/1.0/queue/b".into()],
            project: None,
            environment: None,
            level: None,
            schema_version: Some(1),
        };
        Event {
            id: EventId::at(time, 71).unwrap(),
            source: "mm".into(),
            catalog: "migration-manager".into(),
            received_at: time,
            stored_at: None,
            hops: 0,
            nudge: None,
            fields,
            payload: format!("{{\"a\":\"{}\"}}", "b".repeat(900)).into_bytes(),
        }
    }

    #[test]
    fn resharding_changes_only_the_keys() {
        let event = event();
        let mut item = EventItem::new(&event, &Fingerprint::of_bytes("mm", b"x"), Some(7)).unwrap();
        item.place(event.id, 4);
        let before: HashMap<String, AttributeValue> = serde_dynamo::to_item(item).unwrap();
        let again = reshard_item(reshard_item(before.clone(), 64, None).unwrap(), 4, None).unwrap();
        assert_eq!(again, before);
        let later = event.fields.time + LATE_AFTER + SignedDuration::from_secs(1);
        let moved = reshard_item(before, 64, Some(later)).unwrap();
        let shard = event.id.shard(64);
        assert_eq!(moved["pk"], AttributeValue::S(shard_key(shard)));
        assert_eq!(moved["ks"], AttributeValue::S(index_key("/1.0/instances/a", shard)));
        assert_eq!(moved["kl"], AttributeValue::S(late_key(shard)), "it is late in the new log");
        let moved: EventItem = serde_dynamo::from_item(moved).unwrap();
        let stored_at = Timestamp::from_millisecond(later.as_millisecond()).ok();
        assert_eq!(moved.into_event().unwrap(), Event { stored_at, ..event });
    }

    #[test]
    fn links_are_resharded_and_claims_are_unchanged() {
        let at = |key: String| {
            let item = [("pk", AttributeValue::S(key)), ("sk", AttributeValue::N("70".into()))];
            let item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            reshard_item(item, 64, None).unwrap()["pk"].as_s().unwrap().clone()
        };
        let long = "x".repeat(2000);
        assert_eq!(at(link_key("a#b", 2)), link_key("a#b", 6));
        assert_eq!(at(link_key(&long, 2)), link_key(&long, 6));
        let claim = claim_key(&Fingerprint::of_bytes("mm", b"x"));
        assert_eq!(at(claim.clone()), claim);
    }
}
