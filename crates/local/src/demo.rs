//! `tidings dev --demo`: every catalog's example events, and a target that the process serves.

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use crate::keys::DevFile;

/// The demo target's name.
const TARGET: &str = "demo";

const RECEIVER: &str = "/demo/receiver";

/// The demo target's receiver: takes every webhook and says so.
pub(crate) fn receiver() -> Router {
    Router::new().route(RECEIVER, post(receive))
}

async fn receive(headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or("unsigned").to_owned();
    tracing::info!(webhook = id, bytes = body.len(), "received");
    StatusCode::NO_CONTENT
}

/// What the demo loaded.
pub(crate) struct Loaded {
    /// Events that are new to the log.
    pub(crate) stored: usize,
    /// Events that an earlier start loaded.
    pub(crate) duplicates: usize,
}

/// Registers the target and posts the events, through the same API that everybody uses.
pub(crate) async fn load(dev: &DevFile) -> anyhow::Result<Loaded> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    register_target(&http, dev).await?;
    let mut loaded = Loaded { stored: 0, duplicates: 0 };
    for (source, token) in &dev.keys.ingest {
        let catalog = events::catalog(source).context("a source is named as its catalog")?;
        let examples: Vec<&str> = catalog.types().flat_map(|kind| kind.examples.iter().copied()).collect();
        if examples.is_empty() {
            continue;
        }
        let answer = http
            .post(format!("{}/v1/events", dev.url))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(format!("[{}]", examples.join(",")))
            .send()
            .await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status == StatusCode::OK, "the examples of {source} were answered {status}: {text}");
        let results: Value = serde_json::from_str(&text)?;
        let duplicates =
            results["results"].as_array().into_iter().flatten().filter(|r| r["status"] == "duplicate").count();
        loaded.duplicates += duplicates;
        loaded.stored += examples.len() - duplicates;
    }
    Ok(loaded)
}

async fn register_target(http: &reqwest::Client, dev: &DevFile) -> anyhow::Result<()> {
    let targets = format!("{}/v1/targets", dev.url);
    let address = format!("{}{RECEIVER}", dev.url);
    let existing = http.get(format!("{targets}/{TARGET}")).bearer_auth(&dev.keys.manage).send().await?;
    if existing.status() == StatusCode::OK {
        let target: Value = serde_json::from_str(&existing.text().await?)?;
        if target["address"] == address {
            return Ok(());
        }
        // This start listens on another port.
        http.delete(format!("{targets}/{TARGET}")).bearer_auth(&dev.keys.manage).send().await?.error_for_status()?;
    }
    let scopes = ["lifecycle", "logging", "signal"];
    let sources: Vec<&String> = dev.keys.ingest.keys().collect();
    let new = json!({
        "name": TARGET, "address": address, "level": "DEBUG", "scopes": scopes, "sources": sources,
    });
    let created = http
        .post(targets)
        .bearer_auth(&dev.keys.manage)
        .header("content-type", "application/json")
        .body(new.to_string())
        .send()
        .await?;
    let status = created.status();
    ensure!(status == StatusCode::CREATED, "the demo target was answered {status}: {}", created.text().await?);
    Ok(())
}
