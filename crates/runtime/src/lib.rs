//! The environment that a function runs in: settings from environment variables, the clock, logs, metrics, traces and
//! the SQS queues.
//!
//! Everything here is infrastructure that the functions share. Decisions about events, targets and deliveries belong
//! in `model`, and access to DynamoDB in `store` and `search`.

mod clock;
mod emf;
mod env;
mod logging;
#[cfg(feature = "sqs")]
pub mod sqs;
mod trace;
#[cfg(feature = "sqs")]
mod warm_up;

pub use clock::now;
pub use emf::METRICS_TARGET;
pub use env::{Env, EnvError};
pub use logging::init_logging;
pub use trace::{Span, Tracer, trace_id};
#[cfg(feature = "sqs")]
pub use warm_up::{MAX_WARM_UP_TIME, warm_up};
