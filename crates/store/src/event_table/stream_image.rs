//! The `events` table's stream, as the fan-out function sees it.

use ::events::Event;

use crate::error::Error;
use crate::item::EventItem;

/// The event that a stream record's new image holds.
///
/// # Errors
/// [`Error::Corrupt`] where the image is not an event's item.
pub fn inserted(new_image: serde_dynamo::Item) -> Result<Event, Error> {
    serde_dynamo::from_item::<_, EventItem>(new_image).map_err(|e| Error::corrupt("events", e))?.into_event()
}
