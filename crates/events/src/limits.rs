//! Limits of events.

/// Maximum size of a text that events are found by, in bytes. A key of a DynamoDB index has at most 2 KB.
pub(crate) const MAX_INDEXED_BYTES: usize = 1024;
/// Maximum size of a payload, in bytes: the largest that can be returned, because a Lambda response has at most 6 MB.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 4_500_000;
/// Maximum number of entities of an event; each has an item of its own in the event table.
pub(crate) const MAX_ENTITIES: usize = 1000;
/// Maximum number of violations that are reported for an event.
pub(crate) const MAX_REPORTED_VIOLATIONS: usize = 100;
/// Maximum number of values of a payload for which all violations are reported; for a larger payload, only the first is.
/// The validator collects all violations in memory, and could exceed the memory of a function.
pub(crate) const MAX_VALUES_FOR_ALL_VIOLATIONS: usize = 20_000;
