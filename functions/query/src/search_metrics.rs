//! Logs and metrics of one search.

use tokio::time::Instant;

/// A running search.
pub(crate) struct SearchMetrics {
    /// The kind of request that searches, such as `export`.
    kind: &'static str,
    started_at: Instant,
}

impl SearchMetrics {
    /// Starts measuring a search.
    pub(crate) fn start(kind: &'static str) -> Self {
        Self { kind, started_at: Instant::now() }
    }

    /// Emits one line, from which `CloudWatch` extracts the metrics. `read` names the data that was read.
    pub(crate) fn emit(self, read: &str, found: usize, read_units: f64, partial: bool) {
        tracing::info!(
            target: runtime::METRICS_TARGET,
            function = "query",
            kind = self.kind,
            read,
            searches = 1,
            found,
            partial = u64::from(partial),
            read_units,
            search_ms = u64::try_from(self.started_at.elapsed().as_millis()).unwrap_or(u64::MAX),
            "searched"
        );
    }
}
