//! The clock of the simulated functions: virtual time plus an error that the faults change.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Time at which every simulation starts.
const START: Timestamp = Timestamp::constant(1_790_000_000, 0);

thread_local! {
    static ORIGIN: Cell<Option<Instant>> = const { Cell::new(None) };
    static ERROR: Cell<SignedDuration> = const { Cell::new(SignedDuration::ZERO) };
    static IS_KEPT: Cell<bool> = const { Cell::new(false) };
}

/// Starts the clock of a simulation, without an error.
pub(crate) fn start() {
    ORIGIN.set(Some(Instant::now()));
    IS_KEPT.set(false);
    set_error(SignedDuration::ZERO);
}

/// Sets the error of the functions' clock.
pub(crate) fn set_error(error: SignedDuration) {
    if !IS_KEPT.get() {
        ERROR.set(error);
    }
}

/// Sets the error of the functions' clock, and keeps it: later changes have no effect.
pub(crate) fn keep_error(error: SignedDuration) {
    IS_KEPT.set(true);
    ERROR.set(error);
}

/// Returns the true time.
pub(crate) fn true_time() -> Timestamp {
    let elapsed = ORIGIN.get().expect("the clock runs").elapsed();
    START + SignedDuration::try_from(elapsed).expect("a short simulation")
}

/// Returns the time as the functions see it.
pub(crate) fn now() -> Timestamp {
    true_time() + ERROR.get()
}
