//! The watermarks of the pack function: which events are in segments.

use serde::{Deserialize, Serialize};

/// The watermarks: which events are in segments, and which are settled: no write can add to them any more. The serde names
/// are the stored attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackWatermarks {
    /// Events in time with ids below this one are in segments.
    #[serde(rename = "upto")]
    pub(crate) packed_before: u64,
    /// Late events stored before this time, in milliseconds since 1970, are in segments.
    #[serde(rename = "late_upto")]
    pub(crate) late_packed_before: u64,
    /// Events in time with ids below this one are settled.
    #[serde(rename = "settled", default)]
    pub(crate) settled_before: u64,
    /// Late events stored before this time, in milliseconds since 1970, are settled.
    #[serde(rename = "late_settled", default)]
    pub(crate) late_settled_before: u64,
    /// Number of segments, which is also the number of the next segment.
    #[serde(rename = "next")]
    pub(crate) segment_count: u64,
    /// Number of the active packer's lease; 0 if no packer is active. Numbers increase; they are not times.
    pub(crate) lease: u64,
    /// Highest number of a lease so far.
    #[serde(default)]
    pub(crate) last_lease: u64,
}
