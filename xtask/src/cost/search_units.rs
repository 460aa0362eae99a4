//! Read units of searches: by an index, or through the headers of segments, within the limit of one search.

use super::assumptions::{COLD_START_SHARE, SEARCH_MIX};
use super::measured_units::MeasuredUnits;
use super::packed_log::{CacheState, PackedLog};
use super::scenario::Scenario;

/// Maximum read units of one search: the constant of the same name in `crates/search/src/request.rs`.
const MAX_UNITS: f64 = 5000.0;

/// Read units of one search that may be spent before payloads are read: four fifths of the maximum.
const MAX_UNITS_BEFORE_PAYLOADS: f64 = MAX_UNITS * 0.8;

/// Kinds of searches that read payloads of the segments in a time range.
const RANGE_SEARCHES: [&str; 2] = ["timeline", "export"];

/// Kinds of searches that read the headers of all segments.
const FULL_SEARCHES: [&str; 3] = ["text_once", "total", "facets"];

fn reads_all_segments(kind: &str) -> bool {
    FULL_SEARCHES.contains(&kind)
}

/// Returns whether a kind of search reads more in a new process than in one with a filled cache.
pub(crate) fn depends_on_cache(kind: &str) -> bool {
    reads_all_segments(kind) || RANGE_SEARCHES.contains(&kind)
}

/// Returns the average read units of a search of the mix.
pub(crate) fn average_search_units(scenario: &Scenario, units: &MeasuredUnits) -> f64 {
    SEARCH_MIX.iter().map(|(kind, percent)| percent / 100.0 * average_of_kind(scenario, units, kind)).sum()
}

/// Returns the average read units of a kind of search over new and old processes.
fn average_of_kind(scenario: &Scenario, units: &MeasuredUnits, kind: &str) -> f64 {
    let full_searches = SEARCH_MIX.iter().filter(|(kind, _)| reads_all_segments(kind));
    let share: f64 = full_searches.map(|(_, percent)| percent / 100.0).sum();
    let events_between = if scenario.searches > 0.0 { scenario.events / (scenario.searches * share) } else { 0.0 };
    let average = |cache| search_units(scenario, units, kind, cache);
    COLD_START_SHARE * average(CacheState::Cold)
        + (1.0 - COLD_START_SHARE) * average(CacheState::WarmBefore(events_between))
}

/// Returns the read units of one page of a search of the whole log.
pub(crate) fn search_units(scenario: &Scenario, units: &MeasuredUnits, kind: &str, cache: CacheState) -> f64 {
    let measured = |run: &str| units.for_payload(scenario.payload_bytes, &format!("/search/{kind}/{run}"));
    let log = PackedLog::new(scenario, units);
    if cache == CacheState::Cold && RANGE_SEARCHES.contains(&kind) {
        return measured("first") + log.range_units * log.segments;
    }
    if !reads_all_segments(kind) {
        return measured("again");
    }
    let budget = if kind == "facets" { MAX_UNITS } else { MAX_UNITS_BEFORE_PAYLOADS };
    // A search reads at least one header, even if everything else exceeds the budget.
    let fixed = measured("again") + payload_units(scenario, units, kind) + log.preparation_units(cache);
    let minimum = fixed + log.header_units;
    (fixed + log.header_units_of_search(cache)).min(budget.max(minimum))
}

/// Returns the read units of the payloads of the one segment that matches.
fn payload_units(scenario: &Scenario, units: &MeasuredUnits, kind: &str) -> f64 {
    let measured = |kind: &str, run: &str| units.for_payload(scenario.payload_bytes, &format!("/search/{kind}/{run}"));
    let without_match = measured("text_nowhere", "first") - measured("text_nowhere", "again");
    (measured(kind, "first") - measured(kind, "again") - without_match).max(0.0)
}

/// Returns the read units and the pages of a search for a text in the whole log by a new process.
pub(crate) fn full_search(scenario: &Scenario, units: &MeasuredUnits) -> (f64, f64) {
    let log = PackedLog::new(scenario, units);
    let measured = units.for_payload(scenario.payload_bytes, "/search/text_once/again");
    let total = measured
        + payload_units(scenario, units, "text_once")
        + log.preparation_units(CacheState::Cold)
        + log.all_header_units();
    (total, (total / MAX_UNITS_BEFORE_PAYLOADS).ceil())
}

/// Returns the number of headers that one page reads at most.
pub(crate) fn max_headers_per_page(log: &PackedLog) -> f64 {
    (MAX_UNITS_BEFORE_PAYLOADS / log.header_units).floor()
}

#[cfg(test)]
#[path = "search_units_tests.rs"]
mod tests;
