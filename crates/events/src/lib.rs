#![doc = include_str!("../README.md")]

mod accept;
mod catalog;
pub mod cloudevent;
mod describe;
mod event;
mod event_id;
mod extract;
mod fingerprint;
mod json_equality;
mod limits;
mod raw_event;
mod rules;
mod strict_json;
mod summary_template;
mod text;
mod time;
mod typed;
mod violation;

pub use accept::{AcceptedEvent, DedupKey};
pub use catalog::{Catalog, EventType, TIDINGS_SOURCE, catalog, catalogs};
pub use describe::{Description, DescriptionTexts};
pub use event::{Event, Fields, Level, Scope};
pub use event_id::{EventId, InvalidEventId, MAX_SPILL_MS, SLOTS_PER_MS};
pub use event_time::{parse_time, parse_unix_time};
pub use extract::ExtractedFields;
pub use fingerprint::{Fingerprint, ProducerId};
pub use json_equality::is_same_json;
pub use raw_event::{Attributes, Form, RawEvent};
pub use strict_json::StrictJson;
pub use text::truncate;
pub use time::{Instant, unix_nanoseconds};
pub use typed::ParseError;
pub use violation::{Rejection, Violation};

#[cfg(test)]
mod every_schema;

// A module for each catalog, and `CATALOGS`. At the crate root, a catalog with the name of another module is a compile
// error.
include!(concat!(env!("OUT_DIR"), "/catalogs.rs"));
