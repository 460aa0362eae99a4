//! Bodies for the API's document: they belong together, and are what the local stack answers.

pub(crate) const NEW_TARGET: &str = r#"{
    "name": "audit", "address": "https://example.com/hook", "scopes": ["lifecycle"],
    "events": ["feature-created", "feature-tagged"], "retry_count": 5, "retry_timeout": "30s"
}"#;

pub(crate) const LOG_TARGETS: &str = r#"[{
    "name": "test01", "type": "webhook", "level": "DEBUG", "address": "http://example.com/1.0/log", "username": "",
    "password": "", "ca_cert": "", "retry_count": 3, "retry_timeout": "10s", "scopes": ["lifecycle", "logging"]
}]"#;

pub(crate) const CREATED_TARGET: &str = r#"{
    "name": "audit", "type": "webhook", "enabled": true, "paused": null, "failing_since": null,
    "address": "https://example.com/hook", "secrets": ["signing_secret"], "level": "WARN", "scopes": ["lifecycle"],
    "sources": [], "events": ["feature-created", "feature-tagged"], "projects": [], "environments": [],
    "include_unscoped": true, "retry_count": 5, "retry_timeout": "30s", "timeout": "10s", "disable_after": "120h",
    "content_type": "application/json", "created_at": "2026-05-01T09:20:00.879Z",
    "signing_secret": "whsec_2yUf8idAr2yrrt5LpOru333TOjKmuCiZ4cxGRCzV8BU="
}"#;

pub(crate) const TARGET: &str = r#"{
    "name": "audit", "type": "webhook", "enabled": true, "paused": null, "failing_since": null,
    "address": "https://example.com/hook", "secrets": ["signing_secret"], "level": "WARN", "scopes": ["lifecycle"],
    "sources": [], "events": ["feature-created", "feature-tagged"], "projects": [], "environments": [],
    "include_unscoped": true, "retry_count": 5, "retry_timeout": "30s", "timeout": "10s", "disable_after": "120h",
    "content_type": "application/json", "created_at": "2026-05-01T09:20:00.879Z"
}"#;

pub(crate) const TARGETS: &str = r#"{"targets": [{
    "name": "audit", "type": "webhook", "enabled": true, "paused": null, "failing_since": null,
    "address": "https://example.com/hook", "secrets": ["signing_secret"], "level": "WARN", "scopes": ["lifecycle"],
    "sources": [], "events": ["feature-created", "feature-tagged"], "projects": [], "environments": [],
    "include_unscoped": true, "retry_count": 5, "retry_timeout": "30s", "timeout": "10s", "disable_after": "120h",
    "content_type": "application/json", "created_at": "2026-05-01T09:20:00.879Z"
}]}"#;

pub(crate) const RESUMED: &str = r#"{
    "name": "audit", "type": "webhook", "enabled": true, "paused": null, "failing_since": null,
    "address": "https://example.com/hook", "secrets": ["signing_secret"], "level": "WARN", "scopes": ["lifecycle"],
    "sources": [], "events": ["feature-created", "feature-tagged"], "projects": [], "environments": [],
    "include_unscoped": true, "retry_count": 5, "retry_timeout": "30s", "timeout": "10s", "disable_after": "120h",
    "content_type": "application/json", "created_at": "2026-05-01T09:20:00.879Z", "replay": null
}"#;

pub(crate) const MATCHING: &str = r#"{
    "events": 1, "sample": [{
        "id": 3403542528000501, "source": "unleash-prod", "type": "feature-created",
        "time": "2026-05-01T09:15:00.000Z", "subject": "dark-mode", "project": "web", "environment": null
    }]
}"#;

pub(crate) const TESTED: &str = r#"{
    "event": 3408102400000123, "status": "delivered", "attempt": {
        "at": "2026-05-01T09:20:01.012Z", "duration_ms": 48,
        "phases": {"dns_ms": 1.204, "connect_ms": 10.12, "tls_ms": 22.871, "first_byte_ms": 47.96},
        "address": "93.184.215.14:443", "http": "HTTP/2.0",
        "body_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "status": 204, "answer": ""
    }
}"#;

pub(crate) const REPLAY: &str = r#"{
    "name": "20260501T092000879Z-4f2a", "target": "audit", "of": "log", "state": "running",
    "from": "2026-05-01T00:00:00Z", "until": "2026-05-01T09:20:00.879Z", "rate": 100, "total": 1, "sent": 0,
    "cursor": null, "created_at": "2026-05-01T09:20:00.879Z", "created_by": "ops", "ended_at": null
}"#;

pub(crate) const REPLAYS: &str = r#"{"replays": [{
    "name": "20260501T092000879Z-4f2a", "target": "audit", "of": "log", "state": "running",
    "from": "2026-05-01T00:00:00Z", "until": "2026-05-01T09:20:00.879Z", "rate": 100, "total": 1, "sent": 0,
    "cursor": null, "created_at": "2026-05-01T09:20:00.879Z", "created_by": "ops", "ended_at": null
}]}"#;

pub(crate) const HEALTH: &str = r#"{
    "target": "audit", "paused": null, "failing_since": null, "settled": 120, "success_rate": 1.0, "p50_ms": 41,
    "p95_ms": 97, "backlog": 0, "backlog_is_at_least": false, "waiting": 0, "held": 0, "unattempted": 0,
    "oldest_undelivered_at": null, "latest_match_at": "2026-05-01T09:15:00.000Z", "failed": 0, "through_at": null
}"#;

pub(crate) const DELIVERIES: &str = r#"{
    "deliveries": [{
        "event": 3403542528000501, "target": "audit", "status": "failed", "attempts": 5,
        "last_attempt_at": "2026-05-01T09:22:03.117Z", "last_duration_ms": 31, "last_status": 500,
        "last_error": "answered 500", "next_attempt_at": null
    }],
    "next": null
}"#;

pub(crate) const RETRIED: &str = r#"{"event": 3403542528000501, "target": "audit", "run": "20260501T093000123Z-91bd"}"#;

pub(crate) const NEW_SOURCE: &str = r#"{"name": "unleash-prod", "catalog": "unleash"}"#;

pub(crate) const SOURCE: &str =
    r#"{"name": "unleash-prod", "catalog": "unleash", "created_at": "2026-05-01T09:10:00.412Z"}"#;

pub(crate) const SOURCES: &str =
    r#"{"sources": [{"name": "unleash-prod", "catalog": "unleash", "created_at": "2026-05-01T09:10:00.412Z"}]}"#;

pub(crate) const SOURCE_CHANGE: &str = r#"{"description": "The flags of production"}"#;

pub(crate) const NEW_INGEST_KEY: &str = r#"{"name": "unleash-prod", "scope": "ingest", "source": "unleash-prod"}"#;

pub(crate) const NEW_READ_KEY: &str = r#"{"name": "auditor", "scope": "read", "expires_at": "2060-01-01T00:00:00Z"}"#;

pub(crate) const CREATED_KEY: &str = r#"{
    "name": "unleash-prod", "scope": "ingest", "source": "unleash-prod",
    "created_at": "2026-05-01T09:10:05.038Z", "last_used": null, "token": "tdg_0123456789ABCDEFGHIJKLMNOPQRSTUVDLLfuH"
}"#;

pub(crate) const KEY: &str = r#"{
    "name": "unleash-prod", "scope": "ingest", "source": "unleash-prod",
    "created_at": "2026-05-01T09:10:05.038Z", "last_used": "2026-05-01"
}"#;

pub(crate) const KEY_CHANGE: &str = r#"{"expires_at": "2060-01-01T00:00:00Z"}"#;

pub(crate) const KEYS: &str = r#"{"keys": [
    {
        "name": "auditor", "scope": "read", "created_at": "2026-05-01T09:10:08.731Z",
        "expires_at": "2060-01-01T00:00:00Z", "last_used": null
    },
    {
        "name": "unleash-prod", "scope": "ingest", "source": "unleash-prod",
        "created_at": "2026-05-01T09:10:05.038Z", "last_used": "2026-05-01"
    }
]}"#;

pub(crate) const QUARANTINE_ID: &str = r#""2026-05-01T09:30:10.899Z~1b5178352d8e3b12""#;

pub(crate) const QUARANTINE: &str = r#"{
    "quarantined": [{
        "id": "2026-05-01T09:30:10.899Z~1b5178352d8e3b12", "source": "unleash-prod",
        "received_at": "2026-05-01T09:30:10.899Z", "type": "feature-created",
        "violations": [
            {"pointer": "", "keyword": "required", "message": "createdAt is required"},
            {"pointer": "", "keyword": "required", "message": "data is required"},
            {"pointer": "/id", "keyword": "type", "message": "expected integer, found \"seven\""}
        ]
    }],
    "next": null
}"#;

pub(crate) const QUARANTINED: &str = r#"{
    "id": "2026-05-01T09:30:10.899Z~1b5178352d8e3b12", "source": "unleash-prod",
    "received_at": "2026-05-01T09:30:10.899Z", "type": "feature-created",
    "violations": [
        {"pointer": "", "keyword": "required", "message": "createdAt is required"},
        {"pointer": "", "keyword": "required", "message": "data is required"},
        {"pointer": "/id", "keyword": "type", "message": "expected integer, found \"seven\""}
    ],
    "form": "event",
    "body": "{\"id\": \"seven\", \"type\": \"feature-created\", \"createdBy\": \"ada\"}"
}"#;
