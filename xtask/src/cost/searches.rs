//! The tables of searches.

use super::assumed::{DAYS, MIX};
use super::model::{Case, searches};
use super::search::{Packed, Process, one_search, remembers, whole_log};
use super::table::{Table, count, dollars, size};
use super::tables::{Book, SIZES};

/// The events of the logs that are searched.
const LOGS: [f64; 5] = [1e5, 1e6, 3e6, 1e7, 1e8];

/// The payloads of the table of logs.
const BYTES: f64 = 4000.0;

/// What an exhaustive search is for.
const KIND: &str = "text_once";

/// A log of so many events, which have come within ten years.
fn log(events: f64, bytes: f64) -> Case {
    const MONTHS: f64 = 120.0;
    Case { events: events / MONTHS, retention_days: MONTHS * DAYS, bytes, ..Case::default() }
}

impl Book {
    /// What every kind of search takes, in a log that a process keeps the heads of.
    pub(super) fn searches(&self) -> Table {
        const EVENTS: f64 = 100_000.0;
        let title = format!(
            "Read units of a search, and dollars of a million of them, with their Lambda time, request and log lines, \
             in a log of {} events",
            count(EVENTS)
        );
        let mut table = Table::new("searches", &title, &["search", "1 KB", "4 KB", "16 KB", "64 KB", "$ at 4 KB"]);
        let kinds = MIX.iter().map(|(kind, _)| *kind).chain(["text_everywhere", "export"]);
        for kind in kinds {
            let processes: &[Process] =
                if remembers(kind) { &[Process::Known, Process::New] } else { &[Process::Known] };
            for process in processes {
                let units = SIZES.map(|bytes| one_search(&log(EVENTS, bytes), &self.units, kind, *process));
                let cost = dollars(searches(1e6, units[1], &self.deployed));
                let name = if *process == Process::New { "the same, in a new process" } else { named(kind) };
                table.row(name, units.map(|units| format!("{units:.0}")).into_iter().chain([cost]));
            }
        }
        table
    }

    /// How much of a log a process, and a page, can look at.
    pub(super) fn heads(&self) -> Table {
        let title = "What a search goes through, by the size of payloads";
        let mut table = Table::new("heads", title, &["", "1 KB", "4 KB", "16 KB", "64 KB"]);
        let logs = SIZES.map(|bytes| Packed::of(&log(1e6, bytes), &self.units));
        let events = |of: fn(&Packed) -> f64| logs.map(|log| count(rounded(log.events * of(&log))));
        table.row("events of a segment", logs.map(|log| count(log.events)));
        table.row("read units of its head", logs.map(|log| log.head.to_string()));
        table.row("memory of its head, in KB", logs.map(|log| format!("{:.0}", log.memory / 1000.0)));
        table.row("**events whose heads a process keeps**", events(Packed::room));
        table.row("events whose heads one page reads", events(Packed::a_page));
        table
    }

    /// What a search of the whole log takes, by how long it is.
    pub(super) fn logs(&self) -> Table {
        let title = format!(
            "Read units of the first page of a search for a text, and of all its pages in a new process, with payloads \
             of {}",
            size(BYTES)
        );
        let headings = [
            "events in the log",
            "segments",
            "first page",
            "in a new process",
            "all pages",
            "how many",
            "$ of a thousand",
        ];
        let mut table = Table::new("logs", &title, &headings);
        for events in LOGS {
            let case = log(events, BYTES);
            let packed = Packed::of(&case, &self.units);
            let page = |process| one_search(&case, &self.units, KIND, process);
            let (whole, pages) = whole_log(&case, &self.units);
            let cost = 1000.0 * searches(pages, whole / pages, &self.deployed);
            let numbers = [packed.segments, page(Process::Known), page(Process::New), whole, pages];
            table.row(count(events), numbers.map(count).into_iter().chain([dollars(cost)]));
        }
        table
    }
}

/// To two digits, downwards.
fn rounded(number: f64) -> f64 {
    let step = 10f64.powf(number.log10().floor() - 1.0);
    (number / step).floor() * step
}

/// What the kinds of searches are, in words.
fn named(kind: &str) -> &str {
    match kind {
        "newest" => "the newest 20",
        "field" => "20 of a subject",
        "field_and_type" => "20 of an actor and a type",
        "text_once" => "a text that stands in one event",
        "text_everywhere" => "a text that stands in every event, 20 of them",
        "total" => "the newest 20, and how many there are",
        "facets" => "the values of a field",
        "timeline" => "a timeline with all of a segment and more",
        "export" => "an export of all of a segment and more",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_are_enough() {
        let numbers = [2_684_000.0, 571_000.0, 99.0, 17_888.0].map(|number| count(rounded(number)));
        assert_eq!(numbers, ["2,600,000", "570,000", "99", "17,000"]);
    }
}
