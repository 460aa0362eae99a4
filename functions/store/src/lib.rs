//! DynamoDB access: one module for each table, and nothing that another crate decides.

mod config;
mod deliveries;
mod env;
mod error;
mod events;
mod item;
mod log;
mod message;
mod put;
mod quarantine;
mod retention;
mod retry;
mod search;
mod segments;
mod stream;
mod target;

pub use config::{Config, Directory, Key, KeyScope, KeyUse, Record, Source};
pub use deliveries::{Attempt, Deliveries, Delivery, Status};
pub use env::{Env, EnvError, now};
pub use error::Error;
pub use events::Events;
pub use log::{METRICS, log_as_json};
pub use message::Message;
pub use put::{Put, Written};
pub use quarantine::{Quarantine, QuarantineFilter, QuarantinePage, Quarantined};
pub use retention::Retention;
pub use search::{
    Condition, Field, Filter, Log, MAX_UNITS, Matches, Notation, Page, Search, Text, Values, Way, javascript_number,
};
pub use segments::{Packed, Segments};
pub use stream::inserted;
pub use target::{NotWanted, SigningSecret, Target, duration};
