//! Tables of searches.

use super::assumptions::{DAYS_PER_MONTH, SEARCH_MIX};
use super::bill::search_cost;
use super::packed_log::{CacheState, PackedLog};
use super::report::{CostReport, PAYLOAD_SIZES};
use super::scenario::Scenario;
use super::search_units::{depends_on_cache, full_search, max_headers_per_page, search_units};
use super::table::{Table, count, dollars, size};

/// Sizes of logs that the table of full searches compares, in events.
const LOG_SIZES: [f64; 5] = [1e5, 1e6, 3e6, 1e7, 1e8];

/// Payload size in the table of full searches.
const FULL_SEARCH_PAYLOAD_BYTES: f64 = 4000.0;

/// A log of this many events, which arrived evenly over ten years.
fn log(events: f64, payload_bytes: f64) -> Scenario {
    const MONTHS: f64 = 120.0;
    Scenario { events: events / MONTHS, retention_days: MONTHS * DAYS_PER_MONTH, payload_bytes, ..Scenario::default() }
}

/// Returns the table of all kinds of searches, in a log whose headers fit into the cache.
pub(super) fn searches(report: &CostReport) -> Table {
    const EVENTS: f64 = 100_000.0;
    let title = format!(
        "Read units of a search, and dollars per million searches including Lambda, requests and log lines, in a log of \
         {} events",
        count(EVENTS)
    );
    let mut table = Table::new("searches", &title, &["search", "1 KB", "4 KB", "16 KB", "64 KB", "$ at 4 KB"]);
    let kinds = SEARCH_MIX.iter().map(|(kind, _)| *kind).chain(["text_everywhere", "export"]);
    for kind in kinds {
        let caches: &[CacheState] =
            if depends_on_cache(kind) { &[CacheState::Warm, CacheState::Cold] } else { &[CacheState::Warm] };
        for cache in caches {
            let units = PAYLOAD_SIZES.map(|bytes| search_units(&log(EVENTS, bytes), &report.units, kind, *cache));
            let cost = dollars(search_cost(1e6, units[1], &report.deployment));
            let name = if *cache == CacheState::Cold { "the same, in a new process" } else { kind_in_words(kind) };
            table.add_row(name, units.map(|units| format!("{units:.0}")).into_iter().chain([cost]));
        }
    }
    table
}

/// Returns the table of the number of events that a process can cache and that a page can search.
pub(super) fn headers(report: &CostReport) -> Table {
    let title = "Segment headers, by payload size";
    let mut table = Table::new("heads", title, &["", "1 KB", "4 KB", "16 KB", "64 KB"]);
    let logs = PAYLOAD_SIZES.map(|bytes| PackedLog::new(&log(1e6, bytes), &report.units));
    let events =
        |headers: fn(&PackedLog) -> f64| logs.map(|log| count(round_down(log.events_per_segment * headers(&log))));
    table.add_row("events per segment", logs.map(|log| count(log.events_per_segment)));
    table.add_row("read units of a header", logs.map(|log| log.header_units.to_string()));
    table.add_row("memory of a header in KB", logs.map(|log| format!("{:.0}", log.header_memory / 1000.0)));
    table.add_row("**events whose headers a process caches**", events(PackedLog::max_cached_headers));
    table.add_row("events whose headers one page reads", events(max_headers_per_page));
    table
}

/// Returns the table of full searches, by the size of the log.
pub(super) fn full_searches(report: &CostReport) -> Table {
    const KIND: &str = "text_once";
    let title = format!(
        "Read units of the first page of a text search, and of all its pages in a new process, with payloads of {}",
        size(FULL_SEARCH_PAYLOAD_BYTES)
    );
    let headings = [
        "events in the log",
        "segments",
        "first page",
        "in a new process",
        "all pages",
        "number of pages",
        "$ per thousand searches",
    ];
    let mut table = Table::new("logs", &title, &headings);
    for events in LOG_SIZES {
        let scenario = log(events, FULL_SEARCH_PAYLOAD_BYTES);
        let packed = PackedLog::new(&scenario, &report.units);
        let first_page = |cache| search_units(&scenario, &report.units, KIND, cache);
        let (total, pages) = full_search(&scenario, &report.units);
        let cost = 1000.0 * search_cost(pages, total / pages, &report.deployment);
        let numbers = [packed.segments, first_page(CacheState::Warm), first_page(CacheState::Cold), total, pages];
        table.add_row(count(events), numbers.map(count).into_iter().chain([dollars(cost)]));
    }
    table
}

/// Rounds down to two significant digits.
fn round_down(number: f64) -> f64 {
    let step = 10f64.powf(number.log10().floor() - 1.0);
    (number / step).floor() * step
}

fn kind_in_words(kind: &str) -> &str {
    match kind {
        "newest" => "the newest 20 events",
        "field" => "20 events of a subject",
        "field_and_type" => "20 events of an actor and a type",
        "text_once" => "a text in one event",
        "text_everywhere" => "a text in every event, 20 of them",
        "total" => "the newest 20 events and the total",
        "facets" => "the values of a field",
        "timeline" => "a timeline of more than one segment",
        "export" => "an export of more than one segment",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_down_to_two_digits() {
        let numbers = [2_684_000.0, 571_000.0, 99.0, 17_888.0].map(|number| count(round_down(number)));
        assert_eq!(numbers, ["2,600,000", "570,000", "99", "17,000"]);
    }
}
