//! Damage of the data folder is named, and never answered as a busy database.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Stdio;

use e2e::{Api, MAX_WAIT, examples, within};
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
    let mut process = Command::new(PROGRAM)
        .args(["dev", "--port", "0", "--data-dir"])
        .arg(copy.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the tidings program");
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

    let mut process = Command::new(PROGRAM)
        .args(["dev", "--port", "0", "--data-dir"])
        .arg(&to)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the tidings program");
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
