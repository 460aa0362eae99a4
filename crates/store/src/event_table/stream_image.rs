//! Images in the stream of the `events` table.

use events::Event;

use super::event_item::EventItem;
use crate::error::Error;

/// Decodes the event in the new image of a stream record.
///
/// # Errors
/// [`Error::Corrupt`] if the image is not the item of an event.
pub fn event_from_image(new_image: serde_dynamo::Item) -> Result<Event, Error> {
    serde_dynamo::from_item::<_, EventItem>(new_image).map_err(|e| Error::corrupt("events", e))?.into_event()
}
