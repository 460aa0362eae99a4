//! Standard Webhooks signatures: <https://www.standardwebhooks.com>, version 1 (symmetric).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use events::EventId;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use model::WebhookId;
use sha2::Sha256;

/// The signature headers of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignatureHeaders {
    /// `webhook-id`: the same for every attempt of a delivery, so that receivers can drop duplicates.
    pub(crate) id: String,
    /// `webhook-timestamp`: time of the attempt in seconds since 1970.
    pub(crate) timestamp: i64,
    /// `webhook-signature`: one signature per key.
    pub(crate) signature: String,
}

/// Signs the body of an attempt: HMAC-SHA256 over `id.timestamp.body` with each of the keys. Receivers accept any valid
/// signature, so that a key can be rotated without an interruption.
pub(crate) fn sign(event: EventId, target: &str, keys: &[Vec<u8>], at: Timestamp, body: &[u8]) -> SignatureHeaders {
    let id = WebhookId::new(event, target).to_string();
    let timestamp = at.as_second();
    let signature = |key: &Vec<u8>| {
        // HMAC accepts keys of any length, so that the fallback is never used.
        let mut mac = Hmac::<Sha256>::new_from_slice(key)
            .unwrap_or_else(|_| Hmac::<Sha256>::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    let signature = keys.iter().map(signature).collect::<Vec<_>>().join(" ");
    SignatureHeaders { id, timestamp, signature }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_official_library_verifies_our_signatures() {
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

    fn headers(signed: &SignatureHeaders) -> http::HeaderMap {
        let mut headers = http::HeaderMap::new();
        headers.insert("webhook-id", signed.id.parse().unwrap());
        headers.insert("webhook-timestamp", signed.timestamp.into());
        headers.insert("webhook-signature", signed.signature.parse().unwrap());
        headers
    }
}
