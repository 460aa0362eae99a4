//! What one request did, for the log and the metrics.

use crate::keep::{Kept, Outcome};

/// How many of a request's events became what, and the write units that this took.
#[derive(Debug)]
pub(crate) struct Tally<'a> {
    source: &'a str,
    body_bytes: usize,
    stored: u64,
    duplicates: u64,
    quarantined: u64,
    not_kept: u64,
    write_units: f64,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(source: &'a str, body_bytes: usize) -> Self {
        Self { source, body_bytes, stored: 0, duplicates: 0, quarantined: 0, not_kept: 0, write_units: 0.0 }
    }

    /// Counts an event.
    pub(crate) fn one(&mut self, (outcome, units): Kept) -> Outcome {
        self.write_units += units;
        *match outcome {
            Outcome::Stored { .. } => &mut self.stored,
            Outcome::Duplicate { .. } => &mut self.duplicates,
            Outcome::Quarantined { .. } => &mut self.quarantined,
            Outcome::NotKept { .. } => &mut self.not_kept,
        } += 1;
        outcome
    }

    /// Counts events.
    pub(crate) fn all(&mut self, kept: Vec<Kept>) -> Vec<Outcome> {
        kept.into_iter().map(|one| self.one(one)).collect()
    }

    /// One line, which `CloudWatch` reads metrics out of.
    pub(crate) fn log(&self) {
        tracing::info!(
            target: store::METRICS,
            function = "ingest",
            source = self.source,
            body_bytes = self.body_bytes,
            stored = self.stored,
            duplicates = self.duplicates,
            quarantined = self.quarantined,
            not_kept = self.not_kept,
            write_units = self.write_units,
            "ingested"
        );
    }
}
