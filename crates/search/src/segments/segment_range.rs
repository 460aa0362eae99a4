//! The ids and sizes of a segment.

use serde::{Deserialize, Serialize};

/// The ids and sizes of a segment, stored apart from its header.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct SegmentRange {
    #[serde(rename = "sk")]
    pub(crate) number: u64,
    /// Lowest and highest id of its events.
    pub(crate) low: u64,
    pub(crate) high: u64,
    /// Compressed bytes of the header and of the body.
    #[serde(rename = "head")]
    pub(crate) header_bytes: u32,
    #[serde(rename = "text")]
    pub(crate) body_bytes: u32,
    /// Time at which the last of its events expires, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<i64>,
}
