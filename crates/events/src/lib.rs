#![doc = include_str!("../README.md")]

mod arrival;
mod catalog;
pub mod cloudevent;
mod describe;
mod event;
mod id;
mod json;
mod read;
mod rules;
mod text;
mod time;
mod typed;
mod violation;

pub use arrival::{Accepted, Arrival, Attributes, Form, KnownBy};
pub use catalog::{Catalog, EventType, TIDINGS_SOURCE, catalog, catalogs};
pub use describe::Description;
pub use event::{Event, Fields, Level, Scope};
pub use id::{EventId, Fingerprint, MAX_SPILL_MS, ProducerId, first_slot};
pub use read::Reading;
pub use text::truncate;
pub use time::{Instant, unix_nanoseconds};
pub use typed::ParseError;
pub use violation::{Refused, Violation};

#[cfg(test)]
mod every_schema;

// A module for each catalog, and `CATALOGS`. Here at the root a catalog whose name is taken
// already is a compile error and hides nothing.
include!(concat!(env!("OUT_DIR"), "/catalogs.rs"));
