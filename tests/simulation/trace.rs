//! The trace of a simulation: the calls of the simulated services, in their order. Two runs of a seed have equal traces.

use std::cell::RefCell;
use std::fmt;

use crate::clock;

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Records a line with the time.
pub(crate) fn record(line: impl fmt::Display) {
    LINES.with_borrow_mut(|lines| lines.push(format!("{:.6} {line}", clock::true_time())));
}

/// Ends the trace, and returns its lines.
pub(crate) fn take() -> Vec<String> {
    LINES.take()
}
