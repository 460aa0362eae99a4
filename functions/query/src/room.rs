//! How much of a page one answer has room for.

use events::{Event, EventId};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use web::{MAX_RESPONSE_BYTES, response_size};

pub(crate) const JSON: &str = "application/json";

/// What a page may take. Compressed, an answer is sent in base64, which takes up to a seventh more than a text that
/// does not compress.
const PAGE: usize = MAX_RESPONSE_BYTES / 7 * 6;

/// What an answer takes besides its events.
const BESIDES: usize = 4096;

/// What is left of an answer that is being written.
#[derive(Debug)]
pub(crate) struct Room {
    media_type: &'static str,
    left: usize,
    empty: bool,
}

impl Room {
    /// The room of an answer of this media type.
    pub(crate) fn new(media_type: &'static str) -> Self {
        Self { media_type, left: PAGE - BESIDES, empty: true }
    }

    /// Takes room for a part of the answer, and `beside` bytes with it; whether there was as much. The first part has
    /// room whatever its size: compressed it fits, and what comes after it can be come to.
    pub(crate) fn takes(&mut self, part: &[u8], beside: usize) -> bool {
        let size = response_size(self.media_type, part) + beside;
        let fits = std::mem::take(&mut self.empty) || size <= self.left;
        self.left = self.left.saturating_sub(size);
        fits
    }

    /// Writes as many of the events as there is room for; and the last of them, where there is none for all.
    pub(crate) fn fill<T>(
        mut self,
        events: Vec<Event>,
        write: impl Fn(Event) -> T,
        bytes: impl Fn(&T) -> &[u8],
    ) -> (Vec<T>, Option<EventId>) {
        // A comma and the end of a line, which is two bytes.
        const BETWEEN: usize = 3;
        let mut last = None;
        let mut written = Vec::with_capacity(events.len());
        for event in events {
            let id = event.id;
            let part = write(event);
            if !self.takes(bytes(&part), BETWEEN) {
                return (written, last);
            }
            written.push(part);
            last = Some(id);
        }
        (written, None)
    }
}

/// A view as it is answered: written once, so that its size is known.
pub(crate) fn written(view: &impl Serialize) -> Box<RawValue> {
    // Views are our own types, whose keys are texts.
    to_raw_value(view).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_has_room_and_others_while_there_is_any() {
        let mut room = Room::new(JSON);
        assert!(room.takes(&vec![b'.'; MAX_RESPONSE_BYTES], 0));
        assert!(!room.takes(b".", 0));
        let mut room = Room::new(JSON);
        let half = vec![b'"'; (PAGE - BESIDES) / 4];
        assert_eq!([&half[..], &half, b"...."].map(|part| room.takes(part, 0)), [true, true, false]);
    }
}
