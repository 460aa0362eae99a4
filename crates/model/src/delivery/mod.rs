//! The delivery of an event to a target: its record, and the state machine that fanout, deliver, manage and query share.
//!
//! - [`record`] has the stored types.
//! - [`transition`] is the table of all transitions: which event of a delivery changes which states, and how. The store
//!   executes it with conditional writes.
//! - [`decision`] decides which event follows: from a message, an attempt, a pause, or a request to retry.

pub mod decision;
pub mod record;
pub mod transition;

#[cfg(test)]
mod decision_tests;
#[cfg(test)]
mod transition_tests;
