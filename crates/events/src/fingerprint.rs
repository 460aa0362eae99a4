//! Fingerprints: the identity by which duplicates of an event are recognised.

use sha2::{Digest, Sha256};

/// ID that a producer gives an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProducerId {
    /// A counter, as Unleash sends it. Events of one millisecond are stored in the order of their counters.
    Number(u64),
    /// Any other identifier.
    Text(String),
}

/// SHA-256 hash of an event's source, type and producer's ID; or of its source and bytes if the producer gives no ID; or
/// of its receipt if it has neither an ID nor a time. An event with the fingerprint of a stored event is a duplicate.
///
/// The type is included because producers' IDs are not always unique: two events of different types are both stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Returns the fingerprint of an event of `source`.
    pub fn of(source: &str, event_type: &str, producer_id: Option<&ProducerId>, payload: &[u8]) -> Self {
        match producer_id {
            Some(ProducerId::Number(id)) => Self::hash("number", &[source, event_type], &id.to_be_bytes()),
            Some(ProducerId::Text(id)) => Self::hash("text", &[source, event_type], id.as_bytes()),
            None => Self::of_bytes(source, payload),
        }
    }

    /// Returns the fingerprint of arbitrary bytes from `source`.
    pub fn of_bytes(source: &str, bytes: &[u8]) -> Self {
        Self::hash("bytes", &[source], bytes)
    }

    /// Returns the fingerprint of an event that only its receipt identifies.
    pub fn of_receipt(source: &str, receipt: &str) -> Self {
        Self::hash("receipt", &[source], receipt.as_bytes())
    }

    /// Hashes each text with its length, so that different lists of texts have different hashes.
    fn hash(kind: &str, texts: &[&str], rest: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for text in [kind].iter().chain(texts) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.update(rest);
        Self(hash.finalize().into())
    }

    /// Returns the 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_of_a_fingerprint_are_delimited(source in "[a-z]{1,5}", id in any::<u64>()) {
            let number = Fingerprint::of(&source, "t", Some(&ProducerId::Number(id)), b"x");
            let text = Fingerprint::of(&source, "t", Some(&ProducerId::Text(id.to_string())), b"x");
            let payload = Fingerprint::of(&source, "t", None, id.to_string().as_bytes());
            let receipt = Fingerprint::of_receipt(&source, &id.to_string());
            prop_assert!(number != text && text != payload && number != payload);
            prop_assert!(![number, text, payload].contains(&receipt));
            let shifted = Fingerprint::of(&format!("{source}t"), "", Some(&ProducerId::Number(id)), b"x");
            prop_assert!(number != shifted);
        }

        #[test]
        fn the_payload_is_ignored_if_there_is_a_producer_id(id in any::<u64>(), a: Vec<u8>, b: Vec<u8>) {
            let of = |payload: &[u8]| Fingerprint::of("s", "t", Some(&ProducerId::Number(id)), payload);
            prop_assert_eq!(of(&a), of(&b));
        }
    }
}
