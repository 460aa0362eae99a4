//! What one request did, for the log and the metrics.

use crate::keep::{Kept, Outcome};

/// How many ids a line of the log names.
const NAMED: usize = 10;

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
    /// The first of the events that are in the log.
    ids: Vec<String>,
}

impl<'a> Tally<'a> {
    pub(crate) fn new(source: &'a str, body_bytes: usize) -> Self {
        Self {
            source,
            body_bytes,
            stored: 0,
            duplicates: 0,
            quarantined: 0,
            not_kept: 0,
            write_units: 0.0,
            ids: Vec::new(),
        }
    }

    /// Counts an event.
    pub(crate) fn one(&mut self, (outcome, units): Kept) -> Outcome {
        self.write_units += units;
        if let Outcome::Stored { id } | Outcome::Duplicate { id } = &outcome
            && self.ids.len() < NAMED
        {
            self.ids.push(id.to_string());
        }
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
            "ingested"
        );
    }
}
