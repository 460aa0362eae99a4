//! Standard Webhooks signatures: <https://www.standardwebhooks.com>, version 1 (symmetric).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use events::EventId;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// The three headers of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    /// `webhook-id`: the same for every attempt of a delivery, so that receivers can drop repeats.
    pub(crate) id: String,
    /// `webhook-timestamp`: the attempt's time in seconds since 1970.
    pub(crate) timestamp: i64,
    /// `webhook-signature`.
    pub(crate) signature: String,
}

/// Signs a body for one attempt: HMAC-SHA256 over `id.timestamp.body`, with each of the keys. Receivers take any
/// signature that fits, so that a key can be replaced without a gap.
pub(crate) fn sign(event: EventId, target: &str, keys: &[Vec<u8>], at: Timestamp, body: &[u8]) -> Signed {
    let id = webhook_id(event, target);
    let timestamp = at.as_second();
    let signature = |key: &Vec<u8>| {
        // HMAC takes keys of any length: the fallback is never used.
        let mut mac = Hmac::<Sha256>::new_from_slice(key)
            .unwrap_or_else(|_| Hmac::<Sha256>::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    let signature = keys.iter().map(signature).collect::<Vec<_>>().join(" ");
    Signed { id, timestamp, signature }
}

/// The id of a delivery: the event's, and a hash of the target's name, which may hold anything.
fn webhook_id(event: EventId, target: &str) -> String {
    format!("msg_{event}_{}", hex::encode(&Sha256::digest(target)[..6]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_official_library_verifies_what_is_signed() {
        let keys = [vec![7; 32], vec![8; 24]];
        let event = EventId::from_u64(3_189_573_493_862_400).unwrap();
        let body = br#"{"type":"feature-created"}"#;
        let signed = sign(event, "audit", &keys, Timestamp::now(), body);
        let headers = headers(&signed);
        for key in keys {
            let webhook = standardwebhooks::Webhook::from_bytes(key).unwrap();
            webhook.verify(body, &headers).unwrap();
            webhook.verify(b"{}", &headers).unwrap_err();
        }
        standardwebhooks::Webhook::from_bytes(vec![9; 32]).unwrap().verify(body, &headers).unwrap_err();
    }

    fn headers(signed: &Signed) -> http::HeaderMap {
        let mut headers = http::HeaderMap::new();
        headers.insert("webhook-id", signed.id.parse().unwrap());
        headers.insert("webhook-timestamp", signed.timestamp.into());
        headers.insert("webhook-signature", signed.signature.parse().unwrap());
        headers
    }

    #[test]
    fn an_id_is_stable_and_differs_between_targets() {
        let event = EventId::from_u64(1).unwrap();
        assert_eq!(webhook_id(event, "a"), webhook_id(event, "a"));
        assert_ne!(webhook_id(event, "a"), webhook_id(event, "b"));
    }
}
