//! DynamoDB access: one module for each table, and nothing that another crate decides.

mod config;
mod deliveries;
mod env;
mod error;
mod events;
mod item;
mod log;
mod message;
mod quarantine;
mod search;
mod stream;
mod target;

pub use config::{Config, Directory, Key, KeyScope, Record, Source};
pub use deliveries::{Attempt, Deliveries, Delivery, Status};
pub use env::{Env, EnvError, now};
pub use error::Error;
pub use events::{Events, Put};
pub use log::log_as_json;
pub use message::Message;
pub use quarantine::{Quarantine, Quarantined};
pub use search::{Page, Search};
pub use stream::inserted;
pub use target::{NotWanted, SigningSecret, Target, duration};
