//! The `events` table, which holds the log.

pub(crate) mod crowded_milliseconds;
pub(crate) mod event_item;
pub(crate) mod filter_expression;
pub(crate) mod insert_deferred;
pub(crate) mod insert_event;
pub(crate) mod insert_outcome;
pub(crate) mod item_key;
pub(crate) mod nudge_claim;
pub(crate) mod pack_fence;
pub(crate) mod partition_query;
pub(crate) mod partition_scan;
pub(crate) mod put_event;
pub(crate) mod reshard_item;
pub(crate) mod slot_occupant;
pub(crate) mod slot_sequence;
pub(crate) mod stored_fence;
pub(crate) mod stream_image;
pub(crate) mod table;
