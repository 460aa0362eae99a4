//! Partition keys of the `events` table and its indexes.

use std::borrow::Cow;

use events::Fingerprint;
use sha2::{Digest, Sha256};

/// Returns the partition key of a shard of the log.
pub fn shard_key(shard: u16) -> String {
    format!("E#{shard}")
}

/// Returns the partition key of a shard of an index, for one value of its field.
pub fn index_key(value: &str, shard: u16) -> String {
    format!("{}#{shard}", bounded(value))
}

/// Returns the partition key of a shard of the index of late events.
pub(crate) fn late_key(shard: u16) -> String {
    format!("L#{shard}")
}

/// Returns the partition key of the link items of an entity.
pub fn link_key(entity: &str, shard: u16) -> String {
    format!("X#{}#{shard}", bounded(entity))
}

/// Returns the partition key of the claim item of a fingerprint.
pub(crate) fn claim_key(fingerprint: &Fingerprint) -> String {
    format!("F#{}", hex::encode(fingerprint.as_bytes()))
}

/// Returns the partition key of the claim of a nudge.
pub(crate) fn nudge_key(nudge: u64) -> String {
    format!("N#{nudge}")
}

/// Shortens a value for a partition key, which DynamoDB limits to 2,048 bytes. A long value is replaced by its hash;
/// the attributes of the item hold the value itself.
fn bounded(value: &str) -> Cow<'_, str> {
    const MAX_VALUE_BYTES: usize = 1024;
    if value.len() <= MAX_VALUE_BYTES {
        return Cow::Borrowed(value);
    }
    Cow::Owned(format!("sha256:{}", hex::encode(Sha256::digest(value))))
}
