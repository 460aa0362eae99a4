//! Bills calculated by hand from round numbers.

use serde_json::json;

use super::super::packed_log::events_per_segment;
use super::*;

/// Units of one payload size and one number of targets, which apply to every other.
fn units() -> MeasuredUnits {
    let search = |again: f64| json!({ "first": again + 8.0, "again": again });
    MeasuredUnits::from_record(json!({
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

fn deployment() -> Deployment {
    Deployment { alarms: 10.0, dashboards: 1.0, log_days: 30.0 }
}

/// A million events of 1 KB for two targets, with a retention of twelve months.
fn scenario() -> Scenario {
    Scenario { payload_bytes: 1000.0, targets: 2.0, ..Scenario::default() }
}

fn line(scenario: &Scenario, name: &str) -> f64 {
    monthly_bill(scenario, &units(), &deployment()).line(name)
}

#[track_caller]
fn assert_near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-3 * b.abs(), "{a} instead of {b}");
}

#[test]
fn dynamodb_matches_a_calculation_by_hand() {
    let scenario = scenario();
    // 5 and 4 million write units.
    assert_near(line(&scenario, "storing events"), 3.125);
    assert_near(line(&scenario, "recording deliveries"), 2.5);
    // A thousand segments of 250 write units, and 2 for each of 43,800 runs. 10,950 scans read 5 units each, and 45 for
    // half a segment.
    assert_near(line(&scenario, "segments"), 0.156_25 + 87_600.0 * 0.625e-6 + 547_500.0 * 0.125e-6);
    // 2 per event; 2 and 1.5 per delivery, of which there are two million.
    assert_near(line(&scenario, "reading to deliver"), 9.0 * 0.125);
    // 2 in each of 87,600 half minutes, and 1 for the fence of each request.
    assert_near(line(&scenario, "keys, sources, fence"), (0.175_2 + 1.0) * 0.125);
    // 12 million times 3,000 bytes at 0.25 dollars, and 1,600 bytes of each also at 0.20.
    assert_near(line(&scenario, "storage"), 33.528 * 0.25 + 17.881 * 0.20);
}

#[test]
fn requests_and_invocations_match_a_calculation_by_hand() {
    let scenario = scenario();
    // A request takes 21 ms, a batch of fanout 30 ms, one of deliver 130 ms; one of fifty starts cold in 200 ms.
    let gb_seconds = [
        ("Ingest", 1e6, 21.0),
        ("Fanout", 1e6, 30.0),
        ("Deliver", 2e6, 130.0),
        ("Pack", 43_800.0, 100.0 + 1000.0 * 1000.0 / 43_800.0),
    ];
    let gb_seconds: f64 =
        gb_seconds.iter().map(|(name, calls, ms)| Deployment::memory_gb(name) * calls * (ms + 4.0) / 1000.0).sum();
    assert_near(line(&scenario, "Lambda"), gb_seconds * 0.000_013_333_4 + 4_043_800.0 * 0.2e-6);
    // One send per event, a receive and a delete per delivery, and 657,000 polls of each of four queues.
    assert_near(line(&scenario, "SQS"), 5.0 * 0.5 + 2.628 * 0.4);
    assert_near(line(&scenario, "API Gateway"), 1.0);
    // A million lines each of the access log, of ingest and of fanout, two million of deliver: 2.328 GB.
    assert_near(line(&scenario, "logs"), 2.328 * (0.5 + 0.03 * 30.0 / 30.4167));
    // Two million webhooks of 2,000 bytes and a million responses of 1,000 bytes: 4.657 GB.
    assert_near(line(&scenario, "data out"), 4.657 * 0.09);
}

#[test]
fn monitoring_and_kms_match_a_calculation_by_hand() {
    let scenario = scenario();
    assert_near(line(&scenario, "metrics, alarms, dashboards"), 27.0 * 0.3 + 10.0 * 0.1 + 3.0);
    let rare = Scenario { events: 73.0, ..scenario };
    assert_near(line(&rare, "metrics, alarms, dashboards"), 27.0 * 0.3 * 0.1 + 4.0);
    // 40,000 cold starts of deliver.
    assert_near(line(&scenario, "KMS"), 1.0 + 0.03 * 4.0);
}

#[test]
fn traces_match_a_calculation_by_hand() {
    assert_near(line(&scenario(), "traces") + 1.0, 1.0);
    // A tenth of a million events. A month has 2,628,000 seconds, so each of four million invocations may be the
    // first of its second.
    let traced = Scenario { trace_percent: 10.0, ..scenario() };
    assert_near(line(&traced, "traces"), 5.0 * (0.1 + 4.0));
    // Of ten million requests, ten million batches and twenty million deliveries: one per second and a twentieth of
    // the others.
    let many = Scenario { events: 1e7, trace_percent: 1.0, ..scenario() };
    let (ten, twenty) = (2.628 + 0.05 * 7.372, 2.628 + 0.05 * 17.372);
    assert_near(line(&many, "traces"), 5.0 * (0.1 + 2.0 * ten + twenty));
}

#[test]
fn searches_match_a_calculation_by_hand() {
    // Without events there are no segments: ten units per search.
    let searching = Scenario { events: 0.0, searches: 1e6, targets: 0.0, ..scenario() };
    assert_near(line(&searching, "searches"), 1.25);
    // 110 ms with 1 GB, and 4 ms for cold starts; 1,000 bytes of log lines: 0.931 GB.
    let each = 0.114 * 0.000_013_333_4 + 0.2e-6 + 1e-6 + 1.25e-6;
    let lines = 0.931_3 * (0.5 + 0.03 * 30.0 / 30.4167);
    assert_near(search_cost(1e6, 10.0, &deployment()), 1e6 * each + lines);
    // 20 events of 2,000 bytes, compressed to a third, and 1,000 bytes.
    assert_near(line(&searching, "data out"), 0.09 * 1e6 * 14_333.0 / 1_073_741_824.0);
}

#[test]
fn full_batches_share_the_cost_of_a_batch() {
    let full = Scenario { batch_size: 10.0, ..scenario() };
    // Two sends per ten events, and 200,000 batches of deliver.
    assert_near(line(&full, "SQS"), (0.2 + 0.4) * 0.5 + 2.628 * 0.4);
    // 2 for each of 100,000 and 200,000 batches, and 1.5 per delivery.
    assert_near(line(&full, "reading to deliver"), (0.2 + 0.4 + 3.0) * 0.125);
    assert_near(line(&Scenario { events_per_request: 100.0, ..scenario() }, "API Gateway"), 0.01);
    // 1,000 events of a kilobyte are 1.9 times 512 KB.
    assert_near(line(&Scenario { events_per_request: 1000.0, ..scenario() }, "API Gateway"), 0.002);
}

#[test]
fn nudges_match_a_calculation_by_hand() {
    let time = |name: &str, ms: f64| Deployment::memory_gb(name) * ms * 0.013_333_4;
    // A send, a receive and a delete; a claim; a read of the claim, one of the event and two of the targets; 8 ms of
    // ingest; 24 ms of fanout with cold starts; 0.466 GB of log lines.
    let one = 1.2 + 0.625 + 4.0 * 0.125 + time("Ingest", 8.0) + time("Fanout", 24.0) + 0.2;
    assert_near(line(&scenario(), "nudges"), one + 0.465_7 * (0.5 + 0.03 * 30.0 / 30.4167));
    // A request with a hundred events costs one nudge.
    let batched = Scenario { events_per_request: 100.0, ..scenario() };
    assert_near(line(&batched, "nudges"), (line(&scenario(), "nudges") - 0.125) / 100.0 + 0.125);
    let without_targets = Scenario { targets: 0.0, ..scenario() };
    assert_near(line(&without_targets, "nudges") + 1.0, 1.0);
}

#[test]
fn large_payloads_have_small_segments() {
    let bill = monthly_bill(
        &Scenario { payload_bytes: 200_000.0, ..scenario() },
        &MeasuredUnits::read().unwrap(),
        &deployment(),
    );
    assert!(bill.lines.iter().all(|(_, dollars)| *dollars >= 0.0), "{bill:?}");
    // Five events per segment.
    assert_near(events_per_segment(200_000.0), 5.0);
}

#[test]
fn event_bridge_matches_a_calculation_by_hand() {
    let theirs = event_bridge_bill(&Scenario { payload_bytes: 100_000.0, ..scenario() });
    // Two billed events each; 93.13 GB ingested and stored for twelve months; 189 GB sent.
    assert_near(theirs.line("events"), 2.0);
    assert_near(theirs.line("API destinations"), 0.4);
    assert_near(theirs.line("archive ingestion"), 9.313);
    assert_near(theirs.line("archive storage"), 93.132 * 12.0 * 0.023);
    assert_near(theirs.line("data out"), 0.09 * (2.0 * 101_000.0 + 1000.0) * 1e6 / 1_073_741_824.0);
}
