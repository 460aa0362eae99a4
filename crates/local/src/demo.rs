//! `tidings dev --demo`: posts every catalog's example events, and receives them as webhooks in this process.

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use crate::dev_file::DevFile;

/// Name of the demo target.
const TARGET_NAME: &str = "demo";

/// Path of the demo target's receiver.
const RECEIVER_PATH: &str = "/demo/receiver";

/// The route of the demo target's receiver, which accepts and logs every webhook.
pub(crate) fn receiver_routes() -> Router {
    Router::new().route(RECEIVER_PATH, post(receive_webhook))
}

async fn receive_webhook(headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or("unsigned").to_owned();
    tracing::info!(webhook = id, bytes = body.len(), "received");
    StatusCode::NO_CONTENT
}

/// The number of events that the demo posted.
pub(crate) struct LoadedEvents {
    /// Number of events that are new to the log.
    pub(crate) stored: usize,
    /// Number of events that an earlier start stored.
    pub(crate) duplicates: usize,
}

/// Creates the demo target and posts the example events, through the public API.
pub(crate) async fn load_examples(dev: &DevFile) -> anyhow::Result<LoadedEvents> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    ensure_target(&http, dev).await?;
    let mut loaded = LoadedEvents { stored: 0, duplicates: 0 };
    for (source, token) in &dev.keys.ingest {
        let catalog = events::catalog(source).context("a source has no catalog of its name")?;
        let examples: Vec<&str> = catalog.types().flat_map(|event_type| event_type.examples.iter().copied()).collect();
        if examples.is_empty() {
            continue;
        }
        let response = http
            .post(format!("{}/v1/events", dev.url))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(format!("[{}]", examples.join(",")))
            .send()
            .await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status == StatusCode::OK, "failed to post the examples of {source}: {status}: {text}");
        let results: Value = serde_json::from_str(&text)?;
        let duplicates =
            results["results"].as_array().into_iter().flatten().filter(|r| r["status"] == "duplicate").count();
        loaded.duplicates += duplicates;
        loaded.stored += examples.len() - duplicates;
    }
    Ok(loaded)
}

/// Creates the demo target, or replaces it if its address has another port.
async fn ensure_target(http: &reqwest::Client, dev: &DevFile) -> anyhow::Result<()> {
    let targets = format!("{}/v1/targets", dev.url);
    let address = format!("{}{RECEIVER_PATH}", dev.url);
    let existing = http.get(format!("{targets}/{TARGET_NAME}")).bearer_auth(&dev.keys.manage).send().await?;
    if existing.status() == StatusCode::OK {
        let target: Value = serde_json::from_str(&existing.text().await?)?;
        if target["address"] == address {
            return Ok(());
        }
        // An earlier start listened on another port.
        http.delete(format!("{targets}/{TARGET_NAME}"))
            .bearer_auth(&dev.keys.manage)
            .send()
            .await?
            .error_for_status()?;
    }
    let scopes = ["lifecycle", "logging", "signal"];
    // No key posts events of Tidings itself.
    let sources: Vec<&str> = dev.keys.ingest.keys().map(String::as_str).chain([events::TIDINGS_SOURCE]).collect();
    let new = json!({
        "name": TARGET_NAME, "address": address, "level": "DEBUG", "scopes": scopes, "sources": sources,
    });
    let created = http
        .post(targets)
        .bearer_auth(&dev.keys.manage)
        .header("content-type", "application/json")
        .body(new.to_string())
        .send()
        .await?;
    let status = created.status();
    ensure!(status == StatusCode::CREATED, "failed to create the demo target: {status}: {}", created.text().await?);
    Ok(())
}
