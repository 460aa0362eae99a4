//! The fan-out function: reads new events from the event table's stream or after a nudge, and sends one delivery message
//! per matching target. It also sends the events of replays.

mod config;
mod metrics;
mod nudge;
mod nudge_claims;
mod queue;
mod replay;
mod replay_error;
mod replay_page;
mod replay_wait;
mod state;
mod stream;
mod warm_up;

pub use config::from_env;
pub use nudge::handle as handle_nudges;
pub use queue::handle as handle_messages;
pub use replay::handle as handle_replays;
pub use state::State;
pub use stream::handle;
pub use warm_up::warm_up;
