//! Ids of webhooks.

use std::fmt;
use std::str::FromStr;

use events::EventId;
use sha2::{Digest, Sha256};

/// Prefix of the id of a webhook.
const PREFIX: &str = "msg_";

/// Number of bytes of the hash of the target's name.
const TARGET_HASH_BYTES: usize = 6;

/// Id of the webhooks of one event to one target, the same for every attempt: `msg_<event>_<12 hexadecimal digits>`.
///
/// The digits are a hash of the target's name, which may contain any character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookId {
    /// The event.
    pub event: EventId,
    target_hash: [u8; TARGET_HASH_BYTES],
}

/// The error of a text that is not the id of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of a webhook: {PREFIX}<event>_<12 hexadecimal digits>")]
pub struct InvalidWebhookId;

impl WebhookId {
    /// Returns the id of the webhooks of an event to a target.
    pub fn new(event: EventId, target: &str) -> Self {
        let hash = Sha256::digest(target);
        Self { event, target_hash: std::array::from_fn(|index| hash[index]) }
    }

    /// Returns the event in the beginning of an id, as people search for it, with or without its last part; `None` if the
    /// text does not begin as an id.
    pub fn event_in_prefix(text: &str) -> Option<&str> {
        text.strip_prefix(PREFIX)?.split('_').next()
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_{}", self.event, hex::encode(self.target_hash))
    }
}

impl FromStr for WebhookId {
    type Err = InvalidWebhookId;

    fn from_str(text: &str) -> Result<Self, InvalidWebhookId> {
        let (event, hash) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(InvalidWebhookId)?;
        let mut target_hash = [0; TARGET_HASH_BYTES];
        hex::decode_to_slice(hash, &mut target_hash).map_err(|_| InvalidWebhookId)?;
        Ok(Self { event: event.parse().map_err(|_| InvalidWebhookId)?, target_hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_stable_and_differs_between_targets() {
        let event = EventId::from_u64(42).unwrap();
        let id = WebhookId::new(event, "audit");
        assert_eq!(id.to_string(), "msg_42_b81f37a043a6");
        assert_ne!(id, WebhookId::new(event, "b"));
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn only_ids_of_our_webhooks_name_an_event() {
        for id in [
            "msg_42",
            "msg_42_b81f37a043a",
            "msg_42_b81f37a043a6a6",
            "msg_42_b81f37a043ax",
            "msg_x_b81f37a043a6",
            "evt_42_b81f37a043a6",
        ] {
            assert_eq!(id.parse::<WebhookId>(), Err(InvalidWebhookId), "{id}");
        }
        for (text, event) in [("msg_42", Some("42")), ("msg_42_b8", Some("42")), ("evt_42", None), ("42", None)] {
            assert_eq!(WebhookId::event_in_prefix(text), event, "{text}");
        }
    }
}
