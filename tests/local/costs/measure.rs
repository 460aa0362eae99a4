//! What is done, and what it uses.

use e2e::{Api, examples, unleash_event};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::lab::{Functions, Lab, now, pass};
use super::meter::Used;

/// The payloads of a full segment, in bytes, and the events.
const SEGMENT: (usize, usize) = (1_000_000, 1_000);

/// The events of a page.
const PAGE: usize = 20;

/// How many events stand in no segment yet when searches are measured.
const UNPACKED: usize = 24;

/// The tables that a search reads.
const SEARCHED: [&str; 2] = ["events", "segments"];

/// What stands in one event only.
const RARE: &str = "quetzalcoatl";

/// An event as Unleash sends it, of exactly so many bytes: a strategy with a list of user ids, which compresses
/// about as well as such events do.
fn event(number: usize, time: Timestamp, bytes: usize) -> Value {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let (flag, user) = (format!("flag-{}", number % 2), format!("user-{}", number / 2 % 2));
    let mut event = unleash_event(number as u64, time, &flag, &format!("team-{}", number % 5), &user);
    let mut constraint = || {
        let values: Vec<String> = (0..4).map(|_| format!("{:06}", random.u32(..1_000_000))).collect();
        json!({ "contextName": "userId", "operator": "IN", "values": values })
    };
    // Each is as long as any other, and has a comma.
    let room = (bytes - event.to_string().len() - 100) / (constraint().to_string().len() + 1);
    let constraints: Vec<Value> = std::iter::repeat_with(constraint).take(room).collect();
    event["data"]["strategies"] = json!([{ "name": "flexibleRollout", "constraints": constraints }]);
    event["data"]["description"] = json!("");
    let missing = bytes - event.to_string().len();
    let mut text: String = std::iter::repeat_with(|| random.lowercase()).take(missing).collect();
    if number == 7 {
        text.replace_range(..RARE.len(), RARE);
    }
    event["data"]["description"] = json!(text);
    assert_eq!(event.to_string().len(), bytes);
    event
}

/// Posts events of this size, numbered from `first`, that happened within the last half minute.
async fn post(ingest: &Api, numbers: std::ops::Range<usize>, bytes: usize) {
    let start = now() - SignedDuration::from_secs(30);
    let at = |number: usize| start + SignedDuration::from_millis(i64::try_from(number).expect("small"));
    let events: Vec<Value> = numbers.map(|number| event(number, at(number), bytes)).collect();
    for some in events.chunks((2_000_000 / bytes).min(500)) {
        let response = ingest.post("/v1/events", &json!(some)).await;
        assert!(response.status < 300 && !response.text.contains("quarantined"), "{}", response.text);
    }
}

/// All that depends on the size of events.
pub(super) async fn of_size(lab: &Lab, functions: &Functions<'_>, bytes: usize) -> Value {
    let ingest = functions.ingest("unleash").await;
    let per_segment = SEGMENT.1.min(SEGMENT.0.div_ceil(bytes));
    lab.meter.take();
    post(&ingest, 0..1, bytes).await;
    let used = lab.meter.take();
    let store = written(&used, "events");
    let mut items = used.events;
    post(&ingest, 0..1, bytes).await;
    assert_eq!(lab.meter.take().called("PutItem"), 1, "a duplicate is one write that is refused");

    post(&ingest, 1..11, bytes).await;
    items.extend(lab.meter.take().events);
    let deliver = json!({
        "one": deliver(lab, functions, &items[..1]).await,
        "ten": deliver(lab, functions, &items[1..11]).await,
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

    pass(330);
    lab.meter.take();
    functions.pack().await;
    let used = lab.meter.take();
    let pack = json!({ "events": events, "read": used.read(&SEARCHED), "write": used.written("segments").1 });
    functions.pack().await;
    let idle = lab.meter.take().read(&SEARCHED);
    let (packed, segment_bytes) = functions.stored("segments", None).await;
    assert_eq!(packed, 4, "one segment, of two items, where it lies, and the marks");

    let segment = segment(functions).await;
    post(&ingest, events..events + UNPACKED, bytes).await;
    let search = searches(lab, functions, bytes).await;
    let late = event(900_000, now() - SignedDuration::from_hours(1), bytes);
    lab.meter.take();
    ingest.post("/v1/events", &late).await.expect(201);
    let late = written(&lab.meter.take(), "events");
    json!({
        "store": store, "store_late": late,
        "bytes": {
            "table": table_bytes / events, "indexes": index_bytes / events,
            "delivery": record_bytes / records, "delivery_indexes": listed_bytes / records, "segments": segment_bytes / events,
        },
        "deliver": deliver, "pack": pack, "pack_idle": idle, "segment": segment, "search": search,
    })
}

/// The bytes of the parts of the only segment there is; and the memory of its head, in a process that has read it.
async fn segment(functions: &Functions<'_>) -> Value {
    let parts = functions.segments().await;
    let bytes = |key: &str| parts.iter().find(|(partition, _)| partition.starts_with(key)).expect("an item").1;
    let (query, segments) = functions.query().await;
    assert_eq!(query.get("/v1/events?q=xylophone").await.status, 200);
    let (heads, memory) = segments.kept();
    assert_eq!(heads, 1);
    json!({ "head": bytes("H#"), "text": bytes("T#"), "place": bytes("places"), "memory": memory })
}

/// Delivers events to the only target there is.
async fn deliver(lab: &Lab, functions: &Functions<'_>, items: &[Value]) -> Value {
    functions.fan_out(items).await;
    let messages = functions.messages().await;
    assert_eq!(messages.len(), items.len());
    lab.meter.take();
    assert_eq!(functions.deliver(&messages).await, 0);
    let used = lab.meter.take();
    json!({ "read": used.read(&["events", "deliveries"]), "write": used.written("deliveries").1 })
}

/// Each kind of search, by a new process and by one that has done it before.
async fn searches(lab: &Lab, functions: &Functions<'_>, bytes: usize) -> Value {
    let from = now() - SignedDuration::from_hours(40);
    let kinds = [
        ("newest", format!("/v1/events?limit={PAGE}")),
        ("field", format!("/v1/events?limit={PAGE}&subject=flag-1")),
        ("field_and_type", format!("/v1/events?limit={PAGE}&actor=user-1&type=feature-created")),
        ("text_nowhere", "/v1/events?q=xylophone".to_owned()),
        ("text_once", format!("/v1/events?q={RARE}")),
        ("text_everywhere", format!("/v1/events?limit={PAGE}&q=flexibleRollout")),
        ("total", format!("/v1/events?limit={PAGE}&total=exact")),
        ("facets", "/v1/facets?field=actor".to_owned()),
        ("timeline", format!("/v1/timeline?from={from}&span=48h")),
        ("export", "/v1/export?format=ndjson".to_owned()),
    ];
    let mut measured = Map::new();
    for (kind, path) in kinds {
        let (query, _) = functions.query().await;
        lab.meter.take();
        let mut units = Vec::new();
        for _ in 0..2 {
            let response = query.get(&path).await;
            assert_eq!(response.status, 200, "{path}: {}", response.text);
            units.push(lab.meter.take().read(&SEARCHED));
            if kind == "text_once" {
                let found = response.json();
                assert_eq!(found["events"].as_array().map(Vec::len), Some(1), "{bytes}: {found}");
            }
        }
        measured.insert(kind.to_owned(), json!({ "first": units[0], "again": units[1] }));
    }
    measured.into()
}

/// What does not depend on size or targets.
pub(super) async fn once(lab: &Lab, functions: &Functions<'_>) -> Value {
    let ingest = functions.ingest("migration-manager").await;
    let example = examples().into_iter().find(|example| example.event_type == "migration-created");
    let entities = example.map(|example| example.payload);
    lab.meter.take();
    ingest.post_bytes("/v1/events", "{\"kind\": 5}").await;
    let used = lab.meter.take();
    let (quarantine, first) = (used.written("quarantine").1, used.read(&["config"]));
    let entities = match entities {
        Some(payload) => {
            ingest.post_bytes("/v1/events", payload).await;
            written(&lab.meter.take(), "events")
        }
        None => Value::Null,
    };
    // What a first attempt that fails, and the one after it, use.
    let ingest = functions.ingest("unleash").await;
    lab.meter.take();
    post(&ingest, 0..1, 1000).await;
    functions.fan_out(&lab.meter.take().events).await;
    let messages = functions.messages().await;
    lab.receiver.respond_next(&[500]);
    lab.meter.take();
    assert_eq!(functions.deliver(&messages).await, 1, "it comes again");
    let failed = lab.meter.take();
    pass(60);
    assert_eq!(functions.deliver(&messages).await, 0);
    let then = lab.meter.take();
    json!({
        "quarantine": quarantine, "config_read_by_a_new_process": first, "store_with_entities": entities,
        "failed_attempt": failed.written("deliveries").1 + failed.written("config").1,
        "attempt_after_it": then.written("deliveries").1 + then.written("config").1,
    })
}

/// What depends on the number of targets: each wants each event.
pub(super) async fn of_targets(lab: &Lab, functions: &Functions<'_>, targets: usize) -> Value {
    let ingest = functions.ingest("unleash").await;
    lab.meter.take();
    let first = 1000 + targets * 1000;
    post(&ingest, first..first + 10, 1000).await;
    let items = lab.meter.take().events;
    assert_eq!(items.len(), 10);
    let mut batches = Map::new();
    for (name, items) in [("one", &items[..1]), ("ten", &items[..])] {
        functions.fan_out(items).await;
        let used = lab.meter.take();
        let sends = used.called("SendMessageBatch");
        batches.insert(name.to_owned(), json!({ "read": used.read(&["config"]), "sends": sends }));
        let messages = functions.messages().await;
        assert_eq!(messages.len(), items.len() * targets);
        if name == "one" && targets > 0 {
            lab.meter.take();
            functions.deliver(&messages[..1]).await;
            batches.insert("deliver_config".to_owned(), lab.meter.take().read(&["config"]).into());
        }
    }
    batches.into()
}

/// What noting one held delivery uses; all targets are paused.
pub(super) async fn held(lab: &Lab, functions: &Functions<'_>, targets: usize) -> Value {
    let ingest = functions.ingest("unleash").await;
    for target in 0..targets {
        let paused = lab.stack.manage().post(&format!("/v1/targets/t{target}/pause"), &json!({})).await;
        assert_eq!(paused.status, 200, "{}", paused.text);
    }
    lab.meter.take();
    post(&ingest, 500_000..500_001, 1000).await;
    functions.fan_out(&lab.meter.take().events).await;
    let used = lab.meter.take();
    assert_eq!(used.called("SendMessageBatch"), 0);
    let count = u32::try_from(targets).expect("few");
    json!(used.written("deliveries").1 / f64::from(count))
}

fn written(used: &Used, table: &str) -> Value {
    let (table, all) = used.written(table);
    json!({ "table": table, "all": all })
}
