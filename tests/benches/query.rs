//! Measures the latency and read units of searches with 200,000 and with a million events over a year. Compares the
//! smaller log with Unleash 8.2 on PostgreSQL with as many events.
//!
//! `EVENTS=200000 cargo bench --bench query` measures only the smaller log. Filling the log takes most of the time.

use std::time::{Duration, Instant};

use e2e::{Api, Stack, within};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const PROJECTS: u64 = 50;
const FEATURES: u64 = 2000;
const USERS: u64 = 100;
const TYPES: [&str; 12] = [
    "feature-created",
    "feature-updated",
    "feature-archived",
    "feature-revived",
    "feature-environment-enabled",
    "feature-environment-disabled",
    "feature-strategy-add",
    "feature-strategy-update",
    "feature-strategy-remove",
    "feature-metadata-updated",
    "feature-stale-off",
    "feature-stale-on",
];
const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

/// Sequential requests of each kind.
const REQUESTS: u64 = 100;

/// A word that only one event contains.
const RARE_WORD: &str = "quetzalcoatl";

/// A kind of request: its name, the path of the n-th request, and Unleash's p50 for the same request in milliseconds
/// (202,262 events, PostgreSQL 15 on a similar machine).
type Kind = (&'static str, fn(u64) -> String, Option<f64>);

const KINDS: [Kind; 17] = [
    ("newest 50", |_| "/v1/events?limit=50".to_owned(), Some(20.6)),
    ("by feature", |n| format!("/v1/events?subject=feature-{}", n * 17 % FEATURES), Some(6.6)),
    (
        "by project and type",
        |n| format!("/v1/events?project=project-{}&type={}", n % PROJECTS, TYPES[spread(n, 12)]),
        Some(11.1),
    ),
    (
        "by actor, 31 days",
        |n| format!("/v1/events?actor=user-{}@example.org&from=2026-03-01&to=2026-03-31", n % USERS),
        Some(7.6),
    ),
    ("by environment", |n| format!("/v1/events?environment={}", ENVIRONMENTS[spread(n, 3)]), None),
    ("one day", |n| format!("/v1/events?from={0}&to={0}", day(n)), Some(5.7)),
    ("limit 1000", |_| "/v1/events?limit=1000".to_owned(), Some(48.2)),
    ("timeline, 48 h", |n| format!("/v1/timeline?from={}T00:00:00Z&span=48h", day(n)), None),
    ("facets of a project's actors", |n| format!("/v1/facets?field=actor&project=project-{}", n % PROJECTS), None),
    ("newest 50 with their total", |_| "/v1/events?total=exact".to_owned(), None),
    ("text in no event", |n| format!("/v1/events?q=xylophone-{n}"), Some(767.0)),
    ("text in one event", |_| format!("/v1/events?q={RARE_WORD}"), Some(767.0)),
    ("text in few events", |n| format!("/v1/events?q=feature-{}%22", n * 17 % FEATURES), Some(767.0)),
    ("text in every third event", |_| "/v1/events?q=PRODUCTION".to_owned(), Some(767.0)),
    (
        "Unleash's API, by feature",
        |n| format!("/api/admin/search/events?feature=IS:feature-{}", n * 17 % FEATURES),
        Some(6.6),
    ),
    ("Unleash's API, free text", |_| format!("/api/admin/search/events?query={RARE_WORD}"), Some(767.0)),
    ("Unleash's API, offset 190000", |_| "/api/admin/search/events?offset=190000".to_owned(), Some(196.0)),
];

#[tokio::main]
async fn main() {
    let sizes = std::env::var("EVENTS").unwrap_or_else(|_| "200000,1000000".to_owned());
    let sizes: Vec<u64> = sizes.split(',').map(|size| size.parse().expect("EVENTS: numbers")).collect();
    let mut before: Option<Vec<Measurement>> = None;
    for size in sizes {
        let stack = Stack::start(env!("CARGO_BIN_EXE_tidings"), &[]).await;
        fill(&stack, size).await;
        wait_until_packed(&stack, size).await;
        println!("\n{size} events                             p50 ms    p95 ms   read units   Unleash's p50   growth");
        let api = stack.read();
        let deep = deep_page(&api).await;
        let mut measurements = Vec::new();
        for (number, (name, path, unleash)) in KINDS.into_iter().enumerate() {
            let before = before.as_ref().map(|before| before[number]);
            measurements.push(measure(&api, name, path, unleash, before).await);
        }
        let last = before.as_ref().and_then(|before| before.last().copied());
        measurements.push(measure(&api, "a page in the middle", move |_| deep.clone(), None, last).await);
        before = Some(measurements);
    }
}

/// The measurements of a kind of request.
#[derive(Clone, Copy)]
struct Measurement {
    /// The median latency in milliseconds.
    p50_ms: f64,
    /// The mean number of events in a response that is limited by time, not by number; otherwise 0.
    mean_events: f64,
}

async fn measure(
    api: &Api,
    name: &str,
    path: impl Fn(u64) -> String,
    unleash: Option<f64>,
    before: Option<Measurement>,
) -> Measurement {
    let first = path(0);
    let explained = if first.starts_with("/v1/events") {
        let response = api.get(&format!("{first}&explain=true")).await.expect(200);
        format!("{:.1}", response["explain"]["read_units"].as_f64().expect("units"))
    } else {
        String::new()
    };
    let (mut measurements, mut mean_events) = (Vec::new(), 0.0);
    for number in 0..REQUESTS {
        let path = path(number);
        let started = Instant::now();
        let response = api.get(&path).await;
        measurements.push(started.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(response.status, 200, "{path}: {}", response.text);
        // A timeline shows at most 2,000 events; with a million a year, two days have more.
        let bounded = path.starts_with("/v1/timeline");
        if bounded {
            mean_events += response.json()["count"].as_f64().expect("a count");
        }
        assert!(bounded || !response.text.contains("\"partial\":true"), "{path} is partial");
    }
    measurements.sort_by(f64::total_cmp);
    let (p50_ms, p95) = (measurements[measurements.len() / 2], measurements[measurements.len() * 95 / 100]);
    let unleash = unleash.map(|unleash| format!("{unleash:.1} ({:.2})", p50_ms / unleash)).unwrap_or_default();
    let growth = before.map(|before| format!("{:.2}", p50_ms / before.p50_ms)).unwrap_or_default();
    println!("{name:<35} {p50_ms:>9.1} {p95:>9.1} {explained:>12} {unleash:>15} {growth:>8}");
    #[expect(clippy::cast_precision_loss, reason = "100")]
    let mean_events = mean_events / REQUESTS as f64;
    if mean_events > 0.0 {
        let growth = before
            .map(|before| format!("{:.2}", p50_ms / mean_events * before.mean_events / before.p50_ms))
            .unwrap_or_default();
        println!(
            "{:<35} {:>9.1} {:>58}",
            format!("  per 1,000 events of {mean_events:.0}"),
            p50_ms / mean_events * 1000.0,
            growth
        );
    }
    Measurement { p50_ms, mean_events }
}

/// Returns the path of a page in the middle of the log, by following cursors.
async fn deep_page(api: &Api) -> String {
    let mut cursor = String::new();
    for _ in 0..30 {
        let page = api.get(&format!("/v1/events?limit=1000{cursor}")).await.expect(200);
        cursor = format!("&cursor={}", page["next"].as_str().expect("a next page"));
    }
    format!("/v1/events?limit=50{cursor}")
}

async fn fill(stack: &Stack, count: u64) {
    const EVENTS_PER_REQUEST: u64 = 1000;
    let (ingest, started) = (stack.ingest("unleash"), Instant::now());
    for start in (0..count).step_by(1000) {
        let events: Vec<Value> =
            (start..(start + EVENTS_PER_REQUEST).min(count)).map(|number| event(number, count)).collect();
        ingest.post("/v1/events", &json!(events)).await.expect(200);
        if start % 50_000 == 0 {
            eprintln!("{start} events after {:.0} s", started.elapsed().as_secs_f64());
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "few enough")]
    let rate = count as f64 / seconds;
    println!("\nstored {count} events in {seconds:.0} s: {rate:.0} a second");
}

/// Waits until nearly all events are in segments. Late events are packed after five minutes.
async fn wait_until_packed(stack: &Stack, size: u64) {
    let (api, started) = (stack.read(), Instant::now());
    within(Duration::from_mins(30), "segments", || async {
        let response = api.get("/v1/events?q=nothing-has-this&explain=true").await.expect(200);
        // A partial response has not examined all events.
        let complete = response["partial"] != true;
        (complete && response["explain"]["unpacked"].as_u64()? < 3500).then_some(())
    })
    .await;
    println!("packed {:.0} s after the last of {size}", started.elapsed().as_secs_f64());
}

/// Returns event `number` of `count` events that are spread over a year, oldest first.
fn event(number: u64, count: u64) -> Value {
    let start: Timestamp = "2025-11-01T00:00:00Z".parse().expect("a time");
    let year = 365 * 24 * 3600 * 1000;
    let time = start + SignedDuration::from_millis(i64::try_from(year * number / count).expect("a small number"));
    let mut random = fastrand::Rng::with_seed(number);
    let (feature, environment) = (random.u64(..FEATURES), ENVIRONMENTS[random.usize(..3)]);
    let name = format!("feature-{feature}");
    let mark = if number == 77_777 { RARE_WORD } else { "plain" };
    json!({
        "id": number + 1,
        "type": TYPES[random.usize(..TYPES.len())],
        "createdBy": format!("user-{}@example.org", random.u64(..USERS)),
        "createdAt": format!("{time:.3}"),
        "createdByUserId": random.u64(..USERS),
        "data": {
            "id": format!("{:016x}-{:08x}", random.u64(..), random.u32(..)),
            "name": "flexibleRollout",
            "constraints": [{"values": [format!("{}", random.u32(..100_000))], "operator": "IN", "contextName": "userId"}],
            "parameters": {"groupId": name, "rollout": random.u32(..101).to_string(), "stickiness": "default"},
            "description": mark,
        },
        "preData": null,
        "tags": [],
        "featureName": name,
        "project": format!("project-{}", feature % PROJECTS),
        "environment": environment,
    })
}

fn day(number: u64) -> String {
    let start: jiff::civil::Date = "2025-11-10".parse().expect("a date");
    let days = jiff::Span::new().days(i64::try_from(number * 3).expect("a small number"));
    (start + days).to_string()
}

fn spread(number: u64, count: u64) -> usize {
    usize::try_from(number * 7 % count).expect("a small number")
}
