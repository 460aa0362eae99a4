//! `GET /v1/defaults`: the defaults, limits and lists of values for forms.

use axum::Json;
use events::{Level, Scope};
use model::defaults::{
    DEFAULT_ATTEMPT_TIMEOUT, DEFAULT_CONTENT_TYPE, DEFAULT_DISABLE_AFTER, DEFAULT_REPLAY_RATE, DEFAULT_RETRY_COUNT,
    DEFAULT_RETRY_INTERVAL, MAX_PAUSE_REASON_CHARS, MAX_REPLAY_RATE, MAX_RETRY_COUNT, MAX_SEARCH_TEXT_CHARS,
};
use model::{EventFilter, KeyScope, LEVELS, SCOPES};
use schemars::JsonSchema;
use serde::Serialize;
use web::{AnyKey, Method, Operation, SuccessResponse, schema_of};

/// Defaults and limits.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Defaults {
    /// Defaults of a target.
    target: TargetDefaults,
    /// Defaults of a replay.
    replay: ReplayDefaults,
    /// Limits of requests.
    limits: Limits,
    /// Scopes of events.
    scopes: [&'static str; 3],
    /// Levels of logging events, from the least to the most severe.
    levels: [&'static str; 4],
    /// Catalogs that a source can have.
    catalogs: Vec<CatalogName>,
}

/// The values that a target has if its creation does not set them.
#[derive(Debug, Serialize, JsonSchema)]
struct TargetDefaults {
    /// Minimum level of logging events.
    level: Level,
    /// Scopes of the events that the target receives.
    scopes: Vec<Scope>,
    /// `true` if the target receives events without a project or an environment.
    include_unscoped: bool,
    /// Number of attempts of a delivery.
    retry_count: u32,
    /// Time between two attempts.
    retry_timeout: &'static str,
    /// Maximum duration of an attempt.
    timeout: &'static str,
    /// Time without a success after which a failing target is paused.
    disable_after: &'static str,
    /// `Content-Type` of the webhooks.
    content_type: &'static str,
}

/// The values that a replay has if its request does not set them.
#[derive(Debug, Serialize, JsonSchema)]
struct ReplayDefaults {
    /// Events per second.
    rate: u32,
}

/// Limits of requests.
#[derive(Debug, Serialize, JsonSchema)]
struct Limits {
    /// Maximum number of attempts of a delivery.
    retry_count: u32,
    /// Maximum events per second of a replay.
    replay_rate: u32,
    /// Maximum characters of the reason for a pause.
    pause_reason_length: usize,
    /// Maximum characters of the text of a full-text search.
    search_text_length: usize,
}

/// The name of a catalog.
#[derive(Debug, Serialize, JsonSchema)]
struct CatalogName {
    /// Name of the catalog, as sources refer to it.
    name: &'static str,
    /// Title of the catalog.
    title: &'static str,
}

pub(crate) static READ_DEFAULTS: Operation = Operation {
    method: Method::Get,
    path: "/v1/defaults",
    id: "readDefaults",
    summary: "Get defaults and limits",
    description: "Defaults of targets and replays, limits of requests, and the scopes, levels and catalogs. Clients \
        can use them in forms instead of repeating them. Any key can read them.",
    scope: Some(KeyScope::Read),
    other_scopes: &[KeyScope::Ingest, KeyScope::Manage],
    responses: &[SuccessResponse::json(
        200,
        "The defaults and limits.",
        schema_of::<Defaults>,
        &[("defaults", EXAMPLE)],
    )],
    ..Operation::DEFAULT
};

const EXAMPLE: &str = r#"{
    "target": {
        "level": "WARN", "scopes": ["lifecycle", "logging"], "include_unscoped": true, "retry_count": 3,
        "retry_timeout": "10s", "timeout": "10s", "disable_after": "120h", "content_type": "application/json"
    },
    "replay": {"rate": 100},
    "limits": {"retry_count": 100, "replay_rate": 1000, "pause_reason_length": 1000, "search_text_length": 1000},
    "scopes": ["lifecycle", "logging", "signal"],
    "levels": ["DEBUG", "INFO", "WARN", "ERROR"],
    "catalogs": [{"name": "unleash", "title": "Unleash"}]
}"#;

/// `GET /v1/defaults`.
pub(crate) async fn read_defaults(_: AnyKey) -> Json<Defaults> {
    let EventFilter { level, scopes, include_unscoped, .. } = EventFilter::default();
    Json(Defaults {
        target: TargetDefaults {
            level,
            scopes,
            include_unscoped,
            retry_count: DEFAULT_RETRY_COUNT,
            retry_timeout: DEFAULT_RETRY_INTERVAL,
            timeout: DEFAULT_ATTEMPT_TIMEOUT,
            disable_after: DEFAULT_DISABLE_AFTER,
            content_type: DEFAULT_CONTENT_TYPE,
        },
        replay: ReplayDefaults { rate: DEFAULT_REPLAY_RATE },
        limits: Limits {
            retry_count: MAX_RETRY_COUNT,
            replay_rate: MAX_REPLAY_RATE,
            pause_reason_length: MAX_PAUSE_REASON_CHARS,
            search_text_length: MAX_SEARCH_TEXT_CHARS,
        },
        scopes: SCOPES,
        levels: LEVELS,
        catalogs: events::catalogs()
            .map(|catalog| CatalogName { name: catalog.name(), title: catalog.title() })
            .collect(),
    })
}
