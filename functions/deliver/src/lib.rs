//! The deliver function: reads delivery messages from SQS and sends signed webhooks.
//!
//! A batch is processed in [`handle`]; `process_message` is the way of one message. Decisions about deliveries belong
//! to `model`, their storage to `store`.

mod attempt;
mod batch;
mod client;
mod config;
mod metrics;
mod permits;
mod process_message;
mod queues;
mod retry_after;
mod sent_request;
mod signature;
mod ssrf_guard;
mod state;
mod target_health;
mod warm_up;
mod webhook_request;

pub use batch::handle;
pub use client::{Client, Connect, Io, Lookup, Network};
pub use config::from_env;
pub use permits::Permits;
pub use queues::Queues;
pub use ssrf_guard::SsrfGuard;
pub use state::State;
pub use warm_up::warm_up;
