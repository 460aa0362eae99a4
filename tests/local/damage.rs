//! Damage of the data folder is named, and never answered as a busy database.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Stdio;

use aws_sdk_dynamodb::types::AttributeValue;
use e2e::{Api, MAX_WAIT, dev_command, examples, within};
use serde_json::json;
use tokio::process::Command;

use crate::start;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidings");

/// Overwrites part of a file with noise.
fn damage(file: &Path, from: u64, bytes: usize) {
    let mut file = std::fs::OpenOptions::new().write(true).open(file).expect("the database");
    file.seek(SeekFrom::Start(from)).expect("a position in the file");
    let noise: Vec<u8> = (0..bytes).map(|n| u8::try_from(n * 7 % 251).expect("a byte")).collect();
    file.write_all(&noise).expect("written");
}

#[tokio::test]
async fn a_damaged_database_is_reported_by_the_readiness_check() {
    let mut stack = start().await;
    for example in examples() {
        stack.ingest(example.catalog).post_bytes("/v1/events", example.payload).await.expect(201);
    }
    stack.wait_until_idle().await;
    assert!(stack.stop("TERM").await);
    // Copied without the write-ahead logs, which a stopped stack does not need.
    let copy = tempfile::tempdir().expect("a folder");
    for name in ["dynamodb.sqlite3", "sqs.sqlite3", "secrets.key", "dev.json"] {
        std::fs::copy(stack.data_dir().join(name), copy.path().join(name)).expect("copied");
    }
    let file = copy.path().join("dynamodb.sqlite3");
    let size = file.metadata().expect("the database").len();
    damage(&file, size / 2, 20_000);
    let mut process =
        dev_command(PROGRAM, copy.path(), "0").stderr(Stdio::piped()).spawn().expect("the tidings program");
    let old = std::fs::read(copy.path().join("dev.json")).expect("dev.json");
    let named = within(MAX_WAIT, "a message that names the damage", || {
        let ended = process.try_wait().expect("its status").is_some();
        let dev = std::fs::read(copy.path().join("dev.json")).ok().filter(|dev| *dev != old);
        async move {
            if ended {
                return Some(None);
            }
            let dev: serde_json::Value = serde_json::from_slice(&dev?).ok()?;
            let api = Api::new(dev["url"].as_str()?);
            let response = api.try_send(api.request(reqwest::Method::GET, "/healthz")).await.ok()?;
            (response.status == 503).then(|| Some(response.expect_problem(503)))
        }
    })
    .await;
    if let Some(problem) = named {
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("corrupt")), "{problem}");
    } else {
        let output = process.wait_with_output().await.expect("its output");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("malformed") || text.contains("corrupt") || text.contains("backup"), "{text}");
    }
}

#[tokio::test]
async fn a_payload_with_a_flipped_bit_is_not_returned() {
    let stack = start().await;
    let event = json!({ "type": "deploy", "id": "1", "version": 1 });
    let stored = stack.ingest("signal").post("/v1/events", &event).await.expect(201);
    let path = format!("/v1/events/{}", stored["id"]);
    stack.read().get(&path).await.expect(200);
    let (database, id) = (stack.database(), AttributeValue::N(stored["id"].to_string()));
    let items = database.scan().table_name("events").send().await.expect("a scan").items.unwrap_or_default();
    let mut item = items.into_iter().find(|item| item.get("sk") == Some(&id)).expect("the event's item");
    let mut payload = item["payload"].as_b().expect("its payload").as_ref().to_vec();
    // `{…,"version":3}` is still JSON.
    let last = payload.len() - 2;
    payload[last] ^= 2;
    serde_json::from_slice::<serde_json::Value>(&payload).expect("JSON");
    item.insert("payload".to_owned(), AttributeValue::B(payload.into()));
    database.put_item().table_name("events").set_item(Some(item)).send().await.expect("written");
    for path in [path.as_str(), "/v1/events?source=signal", "/v1/export?format=ndjson&source=signal"] {
        let response = stack.read().get(path).await;
        assert!(!response.text.contains(r#""version""#), "{path}: {}", response.text);
        let problem = response.expect_problem(503);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("damaged")), "{problem}");
    }
}

#[tokio::test]
async fn a_backup_of_a_running_stack_is_complete() {
    let stack = start().await;
    stack.create_target("audit", "http://127.0.0.1:9/hook", &json!({})).await;
    let mut ids = Vec::new();
    for id in 0..50 {
        let stored = stack.ingest("unleash").post("/v1/events", &e2e::sample_event(id)).await.expect(201);
        ids.push(stored["id"].clone());
    }
    let parent = tempfile::tempdir().expect("a folder");
    let to = parent.path().join("backup");
    let backup = || Command::new(PROGRAM).args(["backup", "--data-dir"]).arg(stack.data_dir()).arg(&to).output();
    let done = backup().await.expect("the program runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let again = backup().await.expect("the program runs");
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists"), "a backup is not overwritten");

    let mut process = dev_command(PROGRAM, &to, "0").spawn().expect("the tidings program");
    let old_url = stack.url();
    let read = within(MAX_WAIT, "the restored stack", || {
        assert!(matches!(process.try_wait(), Ok(None)), "the restored stack does not start");
        let mut text = String::new();
        let read = std::fs::File::open(to.join("dev.json")).and_then(|mut file| file.read_to_string(&mut text));
        async move {
            let dev: serde_json::Value = read.ok().and_then(|_| serde_json::from_str(&text).ok())?;
            let url = dev["url"].as_str().filter(|url| *url != old_url)?;
            Some(Api::new(url).with_token(dev["keys"]["read"].as_str()?))
        }
    })
    .await;
    for id in ids {
        let path = format!("/v1/events/{id}");
        within(MAX_WAIT, "the event", || async {
            let request = read.request(reqwest::Method::GET, &path);
            read.try_send(request).await.ok().filter(|response| response.status == 200)
        })
        .await;
    }
}
