//! Bills by hand, of units that are round.

use serde_json::json;

use super::*;

/// Of one size and one number of targets, which are like any other.
fn units() -> Units {
    let search = |again: f64| json!({ "first": again + 8.0, "again": again });
    Units::of(json!({
        "sizes": { "1000": {
            "store": { "all": 5.0 },
            "bytes": { "table": 800, "indexes": 800, "delivery": 400, "delivery_indexes": 200, "segments": 200 },
            "deliver": { "one": { "read": 1.5, "write": 2.0 } },
            "pack": { "events": 1000, "read": 95.0, "write": 250.0 },
            "pack_idle": 5.0,
            "segment": { "head": 50_000, "memory": 100_000, "place": 82 },
            "search": {
                "newest": search(10.0), "field": search(10.0), "field_and_type": search(10.0),
                "text_nowhere": search(10.0), "text_once": search(10.0), "total": search(10.0),
                "facets": search(10.0), "timeline": search(10.0),
            },
        } },
        "targets": { "2": { "one": { "read": 2.0, "sends": 1 }, "ten": { "sends": 2 }, "deliver_config": 2.0 } },
        "once": { "config_read_by_a_new_process": 2.0 },
    }))
}

fn deployed() -> Deployed {
    Deployed { alarms: 10.0, dashboards: 1.0, log_days: 30.0 }
}

/// A million events of a kilobyte for two targets, kept for twelve months.
fn case() -> Case {
    Case { bytes: 1000.0, targets: 2.0, ..Case::default() }
}

fn line(case: &Case, name: &str) -> f64 {
    bill(case, &units(), &deployed()).line(name)
}

#[track_caller]
fn assert_near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-3 * b.abs(), "{a} instead of {b}");
}

#[test]
fn dynamodb_by_hand() {
    let case = case();
    // 5 and 4 million write units.
    assert_near(line(&case, "storing events"), 3.125);
    assert_near(line(&case, "recording deliveries"), 2.5);
    // A thousand segments of 250 write units. 8,760 rounds of 5 read units each, and of half a segment's 90.
    assert_near(line(&case, "segments"), 0.156_25 + 438_000.0 * 0.125e-6);
    // 2 for each event; 2 and 1.5 for each of two million deliveries.
    assert_near(line(&case, "reading to deliver"), 9.0 * 0.125);
    // 2 each half minute: 87,600 of them.
    assert_near(line(&case, "keys and sources"), 0.175_2 * 0.125);
    // 12 million times 3,000 bytes at 0.25 dollars, 1,800 of them at 0.20 besides.
    assert_near(line(&case, "storage"), 33.528 * 0.25 + 20.117 * 0.20);
}

#[test]
fn calls_by_hand() {
    let case = case();
    // A request takes 21 ms, a batch of fanout 30, of deliver 130; a start 200, in one of fifty.
    let gb_seconds = [
        ("Ingest", 1e6, 21.0),
        ("Fanout", 1e6, 30.0),
        ("Deliver", 2e6, 130.0),
        ("Pack", 8760.0, 100.0 + 1000.0 * 1000.0 / 8760.0),
    ];
    let gb_seconds: f64 =
        gb_seconds.iter().map(|(name, calls, ms)| Deployed::memory(name) * calls * (ms + 4.0) / 1000.0).sum();
    assert_near(line(&case, "Lambda"), gb_seconds * 0.000_013_333_4 + 4_008_760.0 * 0.2e-6);
    // One send for each event, a receive and a delete for each delivery; 657,000 polls of each of three queues.
    assert_near(line(&case, "SQS"), 5.0 * 0.5 + 1.971 * 0.4);
    assert_near(line(&case, "API Gateway"), 1.0);
    // 4,008,760 calls of 900 bytes, a million lines of access and of ingest, two million of deliver: 5.409 GB.
    assert_near(line(&case, "logs"), 5.409 * (0.5 + 0.03 * 30.0 / 30.4167));
    // Two million webhooks of 2,000 bytes, a million answers of 1,000: 4.657 GB.
    assert_near(line(&case, "data out"), 4.657 * 0.09);
}

#[test]
fn what_watches_and_keeps_keys_by_hand() {
    let case = case();
    assert_near(line(&case, "metrics, alarms, dashboards"), 25.0 * 0.3 + 10.0 * 0.1 + 3.0);
    let rare = Case { events: 73.0, ..case };
    assert_near(line(&rare, "metrics, alarms, dashboards"), 25.0 * 0.3 * 0.1 + 4.0);
    // 8,760 times five minutes, for 2 tables of ingest, of fanout and of pack, for 3 of deliver; 40,000 new processes
    // of deliver.
    assert_near(line(&case, "KMS"), 1.0 + 0.03 * 11.884);
}

#[test]
fn traces_by_hand() {
    assert_near(line(&case(), "traces") + 1.0, 1.0);
    // A tenth of a million events; a month has 2,628,000 seconds, so each of four million invocations may be the
    // first of its second.
    let traced = Case { trace_percent: 10.0, ..case() };
    assert_near(line(&traced, "traces"), 5.0 * (0.1 + 4.0));
    // Of ten million requests and batches each, one a second, and a twentieth of the others; of twenty million
    // deliveries as well.
    let many = Case { events: 1e7, trace_percent: 1.0, ..case() };
    let (ten, twenty) = (2.628 + 0.05 * 7.372, 2.628 + 0.05 * 17.372);
    assert_near(line(&many, "traces"), 5.0 * (0.1 + 2.0 * ten + twenty));
}

#[test]
fn searches_by_hand() {
    // No events and so no segments: ten units for each.
    let searching = Case { events: 0.0, searches: 1e6, targets: 0.0, ..case() };
    assert_near(line(&searching, "searches"), 1.25);
    // 110 ms of 1 GB, and four for new processes; 2,100 bytes of lines: 1.956 GB.
    let each = 0.114 * 0.000_013_333_4 + 0.2e-6 + 1e-6 + 1.25e-6;
    let lines = 1.956 * (0.5 + 0.03 * 30.0 / 30.4167);
    assert_near(searches(1e6, 10.0, &deployed()), 1e6 * each + lines);
    // 20 events of 2,000 bytes to a third, and a thousand.
    assert_near(line(&searching, "data out"), 0.09 * 1e6 * 14_333.0 / 1_073_741_824.0);
}

#[test]
fn full_batches_share_what_is_paid_for_each() {
    let full = Case { batch: 10.0, ..case() };
    // Two sends for ten events; 200,000 batches of deliver.
    assert_near(line(&full, "SQS"), (0.2 + 0.4) * 0.5 + 1.971 * 0.4);
    // 2 for each of 100,000 and of 200,000 batches, 1.5 for each delivery.
    assert_near(line(&full, "reading to deliver"), (0.2 + 0.4 + 3.0) * 0.125);
    assert_near(line(&Case { per_request: 100.0, ..case() }, "API Gateway"), 0.01);
    // 1,000 events of a kilobyte are 1.9 times 512 KB.
    assert_near(line(&Case { per_request: 1000.0, ..case() }, "API Gateway"), 0.002);
}

#[test]
fn large_payloads_have_segments_too() {
    let bill = bill(&Case { bytes: 200_000.0, ..case() }, &Units::read().unwrap(), &deployed());
    assert!(bill.lines.iter().all(|(_, dollars)| *dollars >= 0.0), "{bill:?}");
    // Five events a segment.
    assert_near(per_segment(200_000.0), 5.0);
}

#[test]
fn event_bridge_by_hand() {
    let theirs = event_bridge(&Case { bytes: 100_000.0, ..case() });
    // Two chunks of 64 KB each; 93.13 GB taken in, and twelve months of it kept; 189 GB sent.
    assert_near(theirs.line("events"), 2.0);
    assert_near(theirs.line("API destinations"), 0.4);
    assert_near(theirs.line("archive taken in"), 9.313);
    assert_near(theirs.line("archive kept"), 93.132 * 12.0 * 0.023);
    assert_near(theirs.line("data out"), 0.09 * (2.0 * 101_000.0 + 1000.0) * 1e6 / 1_073_741_824.0);
}
