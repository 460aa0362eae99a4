//! DynamoDB access: one module for each table, and nothing that another crate decides.

mod change;
mod config;
mod deliveries;
mod env;
mod error;
mod events;
mod item;
mod log;
mod message;
mod placed;
mod put;
mod quarantine;
mod replay;
mod retention;
mod retry;
mod search;
mod segments;
mod stream;
mod target;
mod trace;

pub use change::{Change, Changed, Entry, OWN};
pub use config::{Config, Directory, Key, KeyScope, KeyUse, Record, Source};
pub use deliveries::{
    Attempt, Deliveries, Delivery, Last, Listed, Listing, Outcome, Phases, Status, TARGET_REMOVED, Turn, status_key,
};
pub use env::{Env, EnvError, now};
pub use error::Error;
pub use events::Events;
pub use log::{METRICS, log_as_json};
pub use message::{Message, ReplayMessage};
pub use placed::placed;
pub use put::{Put, Written};
pub use quarantine::{Quarantine, QuarantineFilter, QuarantinePage, Quarantined};
pub use replay::{Replay, ReplayOf, ReplayState, Selection, run_name};
pub use retention::Retention;
pub use search::{
    Condition, Field, Filter, Log, MAX_UNITS, Matches, Notation, Page, Search, Text, Values, Way, javascript_number,
};
pub use segments::{Packed, Segments};
pub use stream::inserted;
pub use target::{Former, NotWanted, Paused, Retry, Sealed, Target, TargetState, Wanted, duration};
pub use trace::{Step, Tracer, trace_id};
