//! What the functions use of DynamoDB and SQS: measured, and held against `tests/units.json`, which
//! `cargo xtask cost` makes prices of.
//!
//! Each function runs as a process that has just started, so that what processes remember does not depend on how
//! the test goes. `UPDATE_UNITS=1` writes the file anew.

mod lab;
mod measure;
mod meter;

use std::path::Path;

use axum::Router;
use lab::Lab;
use serde_json::{Map, Value, json};

/// How far measured numbers may be from the recorded ones: bytes differ a little with what is random in them.
const TOLERANCE: f64 = 0.02;

/// The sizes of payloads, in bytes.
const SIZES: [usize; 4] = [1_000, 4_000, 16_000, 64_000];

/// How many targets want each event.
const TARGETS: [usize; 4] = [0, 1, 5, 20];

#[tokio::test]
async fn consumed_units_match_the_recorded_ones() {
    let lab = Lab::start().await;
    let other = lab.functions("other").await;
    let (mut sizes, mut targets, mut once, mut made) = (Map::new(), Map::new(), Value::Null, 0);
    for wanting in TARGETS {
        for number in made..wanting {
            lab.stack.create_target(&format!("t{number}"), lab.receiver.url(), &json!({})).await;
        }
        made = wanting;
        targets.insert(wanting.to_string(), measure::of_targets(&lab, &other, wanting).await);
        if wanting == 1 {
            once = measure::once(&lab, &other).await;
            for size in SIZES {
                let functions = lab.functions(&size.to_string()).await;
                sizes.insert(size.to_string(), measure::of_size(&lab, &functions, size).await);
            }
        }
    }
    let held = measure::held(&lab, &other, made).await;
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
        "what things cost has changed:\n  {}\nWhere that is wanted, renew the record and the page:\n  \
         UPDATE_UNITS=1 cargo test -p tidings --test local costs:: && cargo xtask cost --write docs/cost.md",
        differences.join("\n  ")
    );
}

/// Adds what is different, by its path.
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
                differences.push(format!("{path}: {a} is recorded, {b} is measured"));
            }
        }
        _ if recorded == measured => {}
        _ => differences.push(format!("{path}: {recorded} is recorded, {measured} is measured")),
    }
}

/// Serves on a free port of this machine; its address.
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
