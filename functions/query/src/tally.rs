//! What one search took, for the log and the metrics.

use std::time::Instant;

/// A search that is under way.
pub(crate) struct Tally {
    /// What asked for it.
    kind: &'static str,
    began: Instant,
}

impl Tally {
    pub(crate) fn new(kind: &'static str) -> Self {
        Self { kind, began: Instant::now() }
    }

    /// One line, which `CloudWatch` reads metrics out of: what was read, and whether the search ended early.
    pub(crate) fn log(self, read: &str, found: usize, read_units: f64, partial: bool) {
        tracing::info!(
            target: runtime::METRICS_TARGET,
            function = "query",
            kind = self.kind,
            read,
            searches = 1,
            found,
            partial = u64::from(partial),
            read_units,
            search_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "searched"
        );
    }
}
