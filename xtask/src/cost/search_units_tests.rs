//! Searches calculated by hand, and the constants of `crates` that the model repeats.

use std::path::Path;

use super::super::assumptions::DAYS_PER_MONTH;
use super::super::deployment::Deployment;
use super::super::packed_log::events_per_segment;
use super::*;
use crate::process::root;

fn units() -> MeasuredUnits {
    MeasuredUnits::read().unwrap()
}

/// A log of this many events, the newest of which were packed long ago.
fn log(payload_bytes: f64, events: f64) -> Scenario {
    Scenario { events: events / 120.0, payload_bytes, retention_days: 120.0 * DAYS_PER_MONTH, ..Scenario::default() }
}

fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6 * b.abs().max(1.0)
}

/// The text of all Rust files below a folder.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
    text
}

#[test]
fn constants_equal_those_of_the_crates() {
    let crates = sources(&root().join("crates"));
    for line in [
        "pub const MAX_UNITS: f64 = 5000.0;",
        "const SEARCH_SHARE_OF_UNITS: f64 = 0.8;",
        "const LATE_AFTER: SignedDuration = SignedDuration::from_secs(60);",
        "const CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_secs(15);",
        "const WRITES_END_AFTER: Duration = Duration::from_secs(55);",
        "const EVENTS_PER_SEGMENT: usize = 1000;",
        "const MAX_SEGMENT_PAYLOAD_BYTES: usize = 1_000_000;",
        "max_header_bytes: bytes / 3 * 2",
        "(megabytes << 20) / 8 * 3",
    ] {
        assert!(
            crates.contains(line),
            "{line}: update the constants of xtask/src/cost, or this line if only its name changed"
        );
    }
}

#[test]
fn segments_have_the_measured_size() {
    for bytes in [1000.0, 4000.0, 16_000.0, 64_000.0] {
        let measured = units().for_payload(bytes, "/pack/events");
        assert!(is_near(events_per_segment(bytes), measured), "{bytes}: {measured}");
    }
    assert!(is_near(events_per_segment(200.0), 1000.0) && is_near(events_per_segment(4e6), 1.0));
}

#[test]
fn the_first_search_additionally_reads_one_range_and_one_header() {
    for bytes in [1000.0, 4000.0, 16_000.0, 64_000.0] {
        let measured = |run: &str| units().for_payload(bytes, &format!("/search/text_nowhere/{run}"));
        let header = PackedLog::new(&log(bytes, 1e6), &units()).header_units;
        assert!(is_near(measured("first") - measured("again"), header + 1.0), "{bytes}: {header}");
    }
}

#[test]
fn search_of_a_log_that_fits_into_memory_matches_a_calculation_by_hand() {
    // A hundred thousand events of 4 KB, 833 a month: 400 segments with headers of two units, no unsettled events, and
    // half a segment of unpacked events.
    let (scenario, units) = (log(4000.0, 1e5), units());
    let packed = PackedLog::new(&scenario, &units);
    assert!(is_near(packed.segments, 400.0) && is_near(packed.header_units, 2.0), "{packed:?}");
    let warm = search_units(&scenario, &units, "facets", CacheState::Warm);
    assert!(is_near(warm, units.for_payload(4000.0, "/search/facets/again")), "{warm}");
    let cold = search_units(&scenario, &units, "facets", CacheState::Cold);
    let (ranges, unpacked) = (400.0 * packed.range_units, 125.0 * packed.event_units);
    assert!((cold - warm - 800.0 - ranges - unpacked).abs() < 1.0, "{cold}");
    // After a thousand events there are four more segments, and the half segment is read again.
    let later = search_units(&scenario, &units, "facets", CacheState::WarmBefore(1000.0));
    assert!((later - warm - 8.0 - 4.0 * packed.range_units - unpacked).abs() < 1.0, "{later}");
}

#[test]
fn searches_stay_within_their_budget() {
    let units = units();
    for bytes in [1000.0, 4000.0, 16_000.0] {
        let scenario = log(bytes, 1.2e7);
        let packed = PackedLog::new(&scenario, &units);
        assert!(packed.segments > packed.max_cached_headers(), "{packed:?}");
        for cache in [CacheState::Cold, CacheState::Warm, CacheState::WarmBefore(1.0)] {
            for (kind, budget) in [("text_once", 4000.0), ("total", 4000.0), ("facets", 5000.0)] {
                let found = search_units(&scenario, &units, kind, cache);
                assert!(is_near(found, budget), "{kind} of {bytes}, {cache:?}: {found}");
            }
        }
        let by_index = search_units(&scenario, &units, "field", CacheState::Cold);
        assert!(is_near(by_index, units.for_payload(bytes, "/search/field/again")));
    }
}

#[test]
fn full_search_of_a_large_log_takes_several_pages() {
    // Three million events of 4 KB: 12,000 headers of two units. Ranges, payloads and unpacked events are some hundreds.
    let (scenario, units) = (log(4000.0, 3e6), units());
    let (total, pages) = full_search(&scenario, &units);
    assert!((24_100.0..24_400.0).contains(&total) && is_near(pages, 7.0), "{total}, {pages}");
    // A full search of one page is an ordinary search.
    let small = log(4000.0, 1e5);
    let (total, pages) = full_search(&small, &units);
    assert!(is_near(total, search_units(&small, &units, "text_once", CacheState::Cold)) && is_near(pages, 1.0));
}

#[test]
fn ranges_of_segments_are_read_beyond_the_budget() {
    // A hundred million events of 64 KB: 6.25 million segments.
    let (scenario, units) = (log(64_000.0, 1e8), units());
    let packed = PackedLog::new(&scenario, &units);
    let found = search_units(&scenario, &units, "facets", CacheState::Cold);
    assert!(found > 6.25e6 * packed.range_units && found < 6.3e6 * packed.range_units, "{found}");
}

#[test]
fn headers_are_cached_in_a_quarter_of_the_memory() {
    let packed = PackedLog { header_memory: 1e5, ..PackedLog::new(&log(1000.0, 1e6), &units()) };
    // 1,024 MB of 1,048,576 bytes, a quarter of which are 268,435,456.
    let headers = packed.max_cached_headers();
    assert!(is_near(Deployment::memory_gb("Query"), 1.0) && is_near(headers, 2684.0), "{headers}");
    assert!(is_near(max_headers_per_page(&PackedLog { header_units: 7.0, ..packed }), 571.0));
}

#[test]
fn range_searches_of_a_new_process_read_the_ranges_of_all_segments() {
    let (scenario, units) = (log(4000.0, 1e5), units());
    let found = |cache| search_units(&scenario, &units, "export", cache);
    let measured = |run: &str| units.for_payload(4000.0, &format!("/search/export/{run}"));
    assert!(is_near(found(CacheState::Warm), measured("again")));
    // 400 ranges of 66 bytes each.
    let ranges = found(CacheState::Cold) - measured("first");
    assert!((6.0..8.0).contains(&ranges), "{ranges}");
}

#[test]
fn averages_include_cold_starts() {
    let (scenario, units) = (Scenario { searches: 1e4, ..log(4000.0, 1e5) }, units());
    let found = |cache| search_units(&scenario, &units, "total", cache);
    // 18 % of searches read all segments: one of them per 0.46 events.
    let expected = 0.02 * found(CacheState::Cold) + 0.98 * found(CacheState::WarmBefore(1e5 / 120.0 / 1800.0));
    assert!(is_near(average_of_kind(&scenario, &units, "total"), expected), "{expected}");
}
