//! The measured operations and the units that they consume.

use e2e::{Api, example, unleash_event};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::metering_proxy::Usage;
use super::stack::{Functions, MeasuredStack, advance_clock, now};

/// Bytes of payloads in a full segment.
const SEGMENT_PAYLOAD_BYTES: usize = 1_000_000;

/// Events in a full segment.
const SEGMENT_EVENTS: usize = 1_000;

/// Events of a page.
const PAGE_EVENTS: usize = 20;

/// Unpacked events while searches are measured.
const UNPACKED_EVENTS: usize = 24;

/// The tables that a search reads.
const SEARCHED_TABLES: [&str; 2] = ["events", "segments"];

/// A word that only one event contains.
const RARE_WORD: &str = "quetzalcoatl";

/// Returns an Unleash event of exactly `bytes` bytes: a strategy with a list of user ids, which compresses about as
/// well as real events.
fn event(number: usize, time: Timestamp, bytes: usize) -> Value {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let (flag, user) = (format!("flag-{}", number % 2), format!("user-{}", number / 2 % 2));
    let mut event = unleash_event(number as u64, time, &flag, &format!("team-{}", number % 5), &user);
    let mut constraint = || {
        let values: Vec<String> = (0..4).map(|_| format!("{:06}", random.u32(..1_000_000))).collect();
        json!({ "contextName": "userId", "operator": "IN", "values": values })
    };
    // Every constraint has the same length, plus a comma.
    let count = (bytes - event.to_string().len() - 100) / (constraint().to_string().len() + 1);
    let constraints: Vec<Value> = std::iter::repeat_with(constraint).take(count).collect();
    event["data"]["strategies"] = json!([{ "name": "flexibleRollout", "constraints": constraints }]);
    event["data"]["description"] = json!("");
    let missing = bytes - event.to_string().len();
    let mut text: String = std::iter::repeat_with(|| random.lowercase()).take(missing).collect();
    if number == 7 {
        text.replace_range(..RARE_WORD.len(), RARE_WORD);
    }
    event["data"]["description"] = json!(text);
    assert_eq!(event.to_string().len(), bytes);
    event
}

/// Posts events of this size with these numbers, from the last half minute.
async fn post(ingest: &Api, numbers: std::ops::Range<usize>, bytes: usize) {
    let start = now() - SignedDuration::from_secs(30);
    let at = |number: usize| start + SignedDuration::from_millis(i64::try_from(number).expect("small"));
    let events: Vec<Value> = numbers.map(|number| event(number, at(number), bytes)).collect();
    for some in events.chunks((2_000_000 / bytes).min(500)) {
        let response = ingest.post("/v1/events", &json!(some)).await;
        assert!(response.status < 300 && !response.text.contains("quarantined"), "{}", response.text);
    }
}

/// Measures what depends on the size of events.
pub(super) async fn by_size(stack: &MeasuredStack, functions: &Functions<'_>, bytes: usize) -> Value {
    let ingest = functions.ingest("unleash").await;
    let per_segment = SEGMENT_EVENTS.min(SEGMENT_PAYLOAD_BYTES.div_ceil(bytes));
    stack.meter.take();
    post(&ingest, 0..1, bytes).await;
    let usage = stack.meter.take();
    let store = written(&usage, "events");
    let mut items = usage.events;
    post(&ingest, 0..1, bytes).await;
    assert_eq!(stack.meter.take().calls("PutItem"), 1, "a duplicate is one rejected write");

    post(&ingest, 1..11, bytes).await;
    items.extend(stack.meter.take().events);
    let deliver = json!({
        "one": deliver(stack, functions, &items[..1]).await,
        "ten": deliver(stack, functions, &items[1..11]).await,
    });
    let (records, record_bytes) = functions.stored("deliveries", None).await;
    let (_, listed_bytes) = functions.stored("deliveries", Some("by_target")).await;

    post(&ingest, 11..per_segment, bytes).await;
    let (events, table_bytes) = functions.stored("events", None).await;
    let mut index_bytes = 0;
    for index in ["by_subject", "by_actor", "by_project", "by_type", "by_late"] {
        index_bytes += functions.stored("events", Some(index)).await.1;
    }
    assert_eq!((records, events), (11, per_segment));

    advance_clock(330);
    stack.meter.take();
    functions.pack().await;
    let usage = stack.meter.take();
    let pack = json!({ "events": events, "read": usage.read(&SEARCHED_TABLES), "write": usage.written("segments").1 });
    functions.pack().await;
    let idle = stack.meter.take().read(&SEARCHED_TABLES);
    let (packed, segment_bytes) = functions.stored("segments", None).await;
    assert_eq!(packed, 4, "one segment of two items, its range, and the watermarks");

    let segment = segment_sizes(functions).await;
    post(&ingest, events..events + UNPACKED_EVENTS, bytes).await;
    let search = searches(stack, functions, bytes).await;
    let late = event(900_000, now() - SignedDuration::from_hours(1), bytes);
    stack.meter.take();
    ingest.post("/v1/events", &late).await.expect(201);
    let late = written(&stack.meter.take(), "events");
    json!({
        "store": store, "store_late": late,
        "bytes": {
            "table": table_bytes / events, "indexes": index_bytes / events,
            "delivery": record_bytes / records, "delivery_indexes": listed_bytes / records, "segments": segment_bytes / events,
        },
        "deliver": deliver, "pack": pack, "pack_idle": idle, "segment": segment, "search": search,
    })
}

/// Measures the items of the only segment and the memory of its cached header.
async fn segment_sizes(functions: &Functions<'_>) -> Value {
    let parts = functions.segment_items().await;
    let bytes = |key: &str| parts.iter().find(|(partition, _)| partition.starts_with(key)).expect("an item").1;
    let (query, segments) = functions.query().await;
    assert_eq!(query.get("/v1/events?q=xylophone").await.status, 200);
    let (heads, memory) = segments.cached_headers();
    assert_eq!(heads, 1);
    json!({ "head": bytes("H#"), "text": bytes("T#"), "place": bytes("places"), "memory": memory })
}

/// Delivers events to the only target and measures it.
async fn deliver(stack: &MeasuredStack, functions: &Functions<'_>, items: &[Value]) -> Value {
    functions.fan_out(items).await;
    let messages = functions.receive_messages().await;
    assert_eq!(messages.len(), items.len());
    stack.meter.take();
    assert_eq!(functions.deliver(&messages).await, 0);
    let usage = stack.meter.take();
    json!({ "read": usage.read(&["events", "deliveries"]), "write": usage.written("deliveries").1 })
}

/// Measures each kind of search in a new process, and again with warm caches.
async fn searches(stack: &MeasuredStack, functions: &Functions<'_>, bytes: usize) -> Value {
    let from = now() - SignedDuration::from_hours(40);
    let kinds = [
        ("newest", format!("/v1/events?limit={PAGE_EVENTS}")),
        ("field", format!("/v1/events?limit={PAGE_EVENTS}&subject=flag-1")),
        ("field_and_type", format!("/v1/events?limit={PAGE_EVENTS}&actor=user-1&type=feature-created")),
        ("text_nowhere", "/v1/events?q=xylophone".to_owned()),
        ("text_once", format!("/v1/events?q={RARE_WORD}")),
        ("text_everywhere", format!("/v1/events?limit={PAGE_EVENTS}&q=flexibleRollout")),
        ("total", format!("/v1/events?limit={PAGE_EVENTS}&total=exact")),
        ("facets", "/v1/facets?field=actor".to_owned()),
        ("timeline", format!("/v1/timeline?from={from}&span=48h")),
        ("export", "/v1/export?format=ndjson".to_owned()),
    ];
    let mut measured = Map::new();
    for (kind, path) in kinds {
        let (query, _) = functions.query().await;
        stack.meter.take();
        let mut units = Vec::new();
        for _ in 0..2 {
            let response = query.get(&path).await;
            assert_eq!(response.status, 200, "{path}: {}", response.text);
            units.push(stack.meter.take().read(&SEARCHED_TABLES));
            if kind == "text_once" {
                let found = response.json();
                assert_eq!(found["events"].as_array().map(Vec::len), Some(1), "{bytes}: {found}");
            }
        }
        measured.insert(kind.to_owned(), json!({ "first": units[0], "again": units[1] }));
    }
    measured.into()
}

/// Measures what depends neither on size nor on targets.
pub(super) async fn independent(stack: &MeasuredStack, functions: &Functions<'_>) -> Value {
    let ingest = functions.ingest("migration-manager").await;
    stack.meter.take();
    ingest.post_bytes("/v1/events", "{\"kind\": 5}").await;
    let usage = stack.meter.take();
    let (quarantine, first) = (usage.written("quarantine").1, usage.read(&["config"]));
    ingest.post_bytes("/v1/events", example("migration-created").payload).await;
    let entities = written(&stack.meter.take(), "events");
    // A failed first attempt, and the attempt after it.
    let ingest = functions.ingest("unleash").await;
    stack.meter.take();
    post(&ingest, 0..1, 1000).await;
    functions.fan_out(&stack.meter.take().events).await;
    let messages = functions.receive_messages().await;
    stack.receiver.respond_next(&[500]);
    stack.meter.take();
    assert_eq!(functions.deliver(&messages).await, 1, "the message must be received again");
    let failed = stack.meter.take();
    advance_clock(60);
    assert_eq!(functions.deliver(&messages).await, 0);
    let then = stack.meter.take();
    json!({
        "quarantine": quarantine, "config_read_by_a_new_process": first, "store_with_entities": entities,
        "failed_attempt": failed.written("deliveries").1 + failed.written("config").1,
        "attempt_after_it": then.written("deliveries").1 + then.written("config").1,
    })
}

/// Measures what depends on the number of targets, all of which match every event.
pub(super) async fn by_targets(stack: &MeasuredStack, functions: &Functions<'_>, targets: usize) -> Value {
    let ingest = functions.ingest("unleash").await;
    stack.meter.take();
    let first = 1000 + targets * 1000;
    post(&ingest, first..first + 10, 1000).await;
    let items = stack.meter.take().events;
    assert_eq!(items.len(), 10);
    let mut batches = Map::new();
    for (name, items) in [("one", &items[..1]), ("ten", &items[..])] {
        functions.fan_out(items).await;
        let usage = stack.meter.take();
        let sends = usage.calls("SendMessageBatch");
        batches.insert(name.to_owned(), json!({ "read": usage.read(&["config"]), "sends": sends }));
        let messages = functions.receive_messages().await;
        assert_eq!(messages.len(), items.len() * targets);
        if name == "one" && targets > 0 {
            stack.meter.take();
            functions.deliver(&messages[..1]).await;
            batches.insert("deliver_config".to_owned(), stack.meter.take().read(&["config"]).into());
        }
    }
    batches.into()
}

/// Measures the record of one held delivery while all targets are paused.
pub(super) async fn held_delivery(stack: &MeasuredStack, functions: &Functions<'_>, targets: usize) -> Value {
    let ingest = functions.ingest("unleash").await;
    for target in 0..targets {
        let paused = stack.local.manage().post(&format!("/v1/targets/t{target}/pause"), &json!({})).await;
        assert_eq!(paused.status, 200, "{}", paused.text);
    }
    stack.meter.take();
    post(&ingest, 500_000..500_001, 1000).await;
    functions.fan_out(&stack.meter.take().events).await;
    let usage = stack.meter.take();
    assert_eq!(usage.calls("SendMessageBatch"), 0);
    let count = u32::try_from(targets).expect("few");
    json!(usage.written("deliveries").1 / f64::from(count))
}

fn written(usage: &Usage, table: &str) -> Value {
    let (table, all) = usage.written(table);
    json!({ "table": table, "all": all })
}
