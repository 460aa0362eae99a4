//! Measures the functions' use of DynamoDB and SQS and compares it with `tests/units.json`, from which
//! `cargo xtask cost` computes prices.
//!
//! Each function runs as a new process, so that caches do not depend on the order of the test. `UPDATE_UNITS=1`
//! rewrites the file.

mod measurements;
mod metering_proxy;
mod stack;

pub(crate) use stack::copy_table;

use std::path::Path;

use axum::Router;
use serde_json::{Map, Value, json};
use stack::MeasuredStack;

/// The relative difference allowed between measured and recorded numbers: random contents vary in size.
const TOLERANCE: f64 = 0.02;

/// The measured payload sizes, in bytes.
const PAYLOAD_BYTES: [usize; 4] = [1_000, 4_000, 16_000, 64_000];

/// The measured numbers of targets that match each event.
const TARGET_COUNTS: [usize; 4] = [0, 1, 5, 20];

#[tokio::test]
async fn consumed_units_match_the_recorded_ones() {
    let stack = MeasuredStack::start().await;
    let other = stack.functions("other").await;
    let (mut sizes, mut targets, mut once, mut created_targets) = (Map::new(), Map::new(), Value::Null, 0);
    for target_count in TARGET_COUNTS {
        for number in created_targets..target_count {
            stack.local.create_target(&format!("t{number}"), stack.receiver.url(), &json!({})).await;
        }
        created_targets = target_count;
        targets.insert(target_count.to_string(), measurements::by_targets(&stack, &other, target_count).await);
        if target_count == 1 {
            once = measurements::independent(&stack, &other).await;
            for size in PAYLOAD_BYTES {
                let functions = stack.functions(&size.to_string()).await;
                sizes.insert(size.to_string(), measurements::by_size(&stack, &functions, size).await);
            }
        }
    }
    let held = measurements::held_delivery(&stack, &other, created_targets).await;
    let measured = json!({ "sizes": sizes, "targets": targets, "once": once, "held": held });

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/units.json");
    if std::env::var_os("UPDATE_UNITS").is_some() {
        let text = serde_json::to_string_pretty(&measured).expect("JSON");
        std::fs::write(&file, format!("{text}\n")).expect("tests/units.json written");
    }
    let recorded = std::fs::read_to_string(&file).unwrap_or_else(|_| "{}".to_owned());
    let recorded: Value = serde_json::from_str(&recorded).expect("tests/units.json: JSON");
    let mut differences = Vec::new();
    compare("", &recorded, &measured, &mut differences);
    assert!(
        differences.is_empty(),
        "the consumed units have changed:\n  {}\nIf this is intended, update the record and the page:\n  \
         UPDATE_UNITS=1 cargo test -p tidings --test local costs:: && cargo xtask cost --write docs/cost.md",
        differences.join("\n  ")
    );
}

/// Collects the differences with their paths.
fn compare(path: &str, recorded: &Value, measured: &Value, differences: &mut Vec<String>) {
    match (recorded, measured) {
        (Value::Object(a), Value::Object(b)) => {
            let only_recorded = a.keys().filter(|name| !b.contains_key(*name));
            for name in b.keys().chain(only_recorded) {
                compare(&format!("{path}/{name}"), &recorded[name], &measured[name], differences);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
            if (a - b).abs() > TOLERANCE * a.abs().max(b.abs()) {
                differences.push(format!("{path}: {a} recorded, {b} measured"));
            }
        }
        _ if recorded == measured => {}
        _ => differences.push(format!("{path}: {recorded} recorded, {measured} measured")),
    }
}

/// Serves an app on a free local port and returns its address.
async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

#[test]
fn differences_from_the_record_are_found() {
    let mut differences = Vec::new();
    let recorded = json!({ "a": 1, "b": { "c": 100 }, "gone": 1 });
    compare("", &recorded, &json!({ "a": 2, "b": { "c": 101 }, "new": 1 }), &mut differences);
    let paths: Vec<&str> = differences.iter().filter_map(|text| text.split(':').next()).collect();
    assert_eq!(paths, ["/a", "/new", "/gone"]);
}
