//! The ids and sizes of a segment.

use serde::{Deserialize, Serialize};

/// Where a segment stands among the others.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct SegmentRange {
    #[serde(rename = "sk")]
    pub(crate) number: u64,
    /// The lowest and highest id of its events.
    pub(crate) low: u64,
    pub(crate) high: u64,
    /// The bytes of its head and of its body.
    pub(crate) head: u32,
    #[serde(rename = "text")]
    pub(crate) body: u32,
    /// When the last of its events expires, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<i64>,
}
