//! The `segments` table: older events of the log packed together, so that a search of many events reads few items.
//!
//! Every event of the log is in exactly one of four places:
//!
//! - Events **in time** were stored within `store::LATE_AFTER` of their time, and with an id at or above the fence
//!   (`store::PackFence`). Those below the watermark `packed_before` are in segments. The others are read from the log.
//! - **Late** events have an attribute that is the key of the index `by_late`. Those below the watermark
//!   `late_packed_before` are in segments. The others are read from that index.
//!
//! The watermarks stay below the fence. Pack raises the fence, and passes a bound only after every write that may have
//! used an earlier fence has ended ([`packer_memory`]). No event can therefore appear below a watermark.

pub(crate) mod body;
pub(crate) mod cache;
pub(crate) mod columns;
pub(crate) mod header;
mod ngram_bloom;
pub(crate) mod pack;
mod pack_fence;
mod packer_memory;
pub(crate) mod row;
pub(crate) mod segment_range;
pub(crate) mod table;
mod text_search;
pub(crate) mod unpacked;
pub(crate) mod unpacked_block;
pub(crate) mod watermarks;
mod word_search;
mod zstd_frame;

#[cfg(test)]
mod target_filter_tests;
