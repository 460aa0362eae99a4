//! The number of bytes that one response may still take.

use events::{Event, EventId};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use web::{MAX_RESPONSE_BYTES, response_size};

pub(crate) const JSON: &str = "application/json";

/// Maximum size of a response. A compressed response is sent as base64, which makes incompressible text up to a
/// seventh larger.
const MAX_PAGE_BYTES: usize = MAX_RESPONSE_BYTES / 7 * 6;

/// Bytes reserved for the parts of a response other than its events.
const ENVELOPE_BYTES: usize = 4096;

/// Bytes for the separator after each event: a comma, and a line end of two bytes.
const SEPARATOR_BYTES: usize = 3;

/// The remaining bytes of a response that is being written.
#[derive(Debug)]
pub(crate) struct ResponseBudget {
    media_type: &'static str,
    remaining_bytes: usize,
    is_empty: bool,
}

impl ResponseBudget {
    /// Creates the budget of a response of this media type.
    pub(crate) fn new(media_type: &'static str) -> Self {
        Self { media_type, remaining_bytes: MAX_PAGE_BYTES - ENVELOPE_BYTES, is_empty: true }
    }

    /// Reserves bytes for a part of the response and `overhead_bytes` around it. Returns false if the part does not
    /// fit. The first part always fits, whatever its size: the response can be compressed, and the events after it
    /// stay reachable.
    pub(crate) fn try_reserve(&mut self, part: &[u8], overhead_bytes: usize) -> bool {
        let size = response_size(self.media_type, part) + overhead_bytes;
        let fits = std::mem::take(&mut self.is_empty) || size <= self.remaining_bytes;
        self.remaining_bytes = self.remaining_bytes.saturating_sub(size);
        fits
    }

    /// Serializes events until the budget is used up. If some events do not fit, also returns the id of the last
    /// event that did.
    pub(crate) fn fill<T>(
        mut self,
        events: Vec<Event>,
        write: impl Fn(Event) -> T,
        bytes: impl Fn(&T) -> &[u8],
    ) -> (Vec<T>, Option<EventId>) {
        let mut last_id = None;
        let mut parts = Vec::with_capacity(events.len());
        for event in events {
            let id = event.id;
            let part = write(event);
            if !self.try_reserve(bytes(&part), SEPARATOR_BYTES) {
                return (parts, last_id);
            }
            parts.push(part);
            last_id = Some(id);
        }
        (parts, None)
    }
}

/// Serializes a part of a response once, so that its size is known.
pub(crate) fn serialize(view: &impl Serialize) -> Box<RawValue> {
    // Serialization cannot fail: views are our own types, whose map keys are strings.
    to_raw_value(view).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_always_fits_and_others_while_bytes_remain() {
        let mut budget = ResponseBudget::new(JSON);
        assert!(budget.try_reserve(&vec![b'.'; MAX_RESPONSE_BYTES], 0));
        assert!(!budget.try_reserve(b".", 0));
        let mut budget = ResponseBudget::new(JSON);
        let half = vec![b'"'; (MAX_PAGE_BYTES - ENVELOPE_BYTES) / 4];
        assert_eq!([&half[..], &half, b"...."].map(|part| budget.try_reserve(part, 0)), [true, true, false]);
    }
}
