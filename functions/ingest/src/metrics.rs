//! The log line and metrics of one request.

use crate::event_outcome::{EventOutcome, WriteResult};

/// Maximum number of event ids in the log line.
const MAX_LOGGED_IDS: usize = 10;

/// The number of events by outcome, and the write units of a request.
#[derive(Debug)]
pub(crate) struct RequestMetrics<'a> {
    source: &'a str,
    body_bytes: usize,
    stored: u64,
    duplicates: u64,
    quarantined: u64,
    not_kept: u64,
    write_units: f64,
    failed_nudges: u64,
    /// IDs of the first events that are in the log.
    ids: Vec<String>,
}

impl<'a> RequestMetrics<'a> {
    pub(crate) fn new(source: &'a str, body_bytes: usize) -> Self {
        Self {
            source,
            body_bytes,
            stored: 0,
            duplicates: 0,
            quarantined: 0,
            not_kept: 0,
            write_units: 0.0,
            failed_nudges: 0,
            ids: Vec::new(),
        }
    }

    /// Counts an event. Returns its outcome.
    pub(crate) fn add(&mut self, WriteResult { outcome, write_units }: WriteResult) -> EventOutcome {
        self.write_units += write_units;
        if let EventOutcome::Stored { id } | EventOutcome::Duplicate { id } = &outcome
            && self.ids.len() < MAX_LOGGED_IDS
        {
            self.ids.push(id.to_string());
        }
        *match outcome {
            EventOutcome::Stored { .. } => &mut self.stored,
            EventOutcome::Duplicate { .. } => &mut self.duplicates,
            EventOutcome::Quarantined { .. } => &mut self.quarantined,
            EventOutcome::NotKept { .. } => &mut self.not_kept,
        } += 1;
        outcome
    }

    /// Counts events. Returns their outcomes.
    pub(crate) fn add_all(&mut self, results: Vec<WriteResult>) -> Vec<EventOutcome> {
        results.into_iter().map(|result| self.add(result)).collect()
    }

    /// Counts a nudge that SQS did not accept in time. The stream announces its events.
    pub(crate) fn count_failed_nudge(&mut self) {
        self.failed_nudges += 1;
    }

    /// Writes the log line, from which `CloudWatch` extracts the metrics.
    pub(crate) fn log(&self) {
        tracing::info!(
            target: runtime::METRICS_TARGET,
            function = "ingest",
            source = self.source,
            ids = self.ids.join(" "),
            body_bytes = self.body_bytes,
            stored = self.stored,
            duplicates = self.duplicates,
            quarantined = self.quarantined,
            not_kept = self.not_kept,
            write_units = self.write_units,
            failed_nudges = (self.failed_nudges > 0).then_some(self.failed_nudges),
            "ingested"
        );
    }
}
