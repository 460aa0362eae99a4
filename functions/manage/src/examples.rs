//! Bodies for the API's document: they belong together, and are what the local stack answers.

pub(crate) const NEW_TARGET: &str = r#"{
    "name": "audit", "address": "https://example.com/hook", "scopes": ["lifecycle"],
    "events": ["feature-created", "feature-tagged"], "retry_count": 5, "retry_timeout": "30s"
}"#;

pub(crate) const CREATED_TARGET: &str = r#"{
    "name": "audit", "address": "https://example.com/hook", "level": "WARN", "scopes": ["lifecycle"],
    "events": ["feature-created", "feature-tagged"], "retry_count": 5, "retry_timeout": "30s",
    "created_at": "2026-05-01T09:20:00.879Z",
    "signing_secret": "whsec_2yUf8idAr2yrrt5LpOru333TOjKmuCiZ4cxGRCzV8BU="
}"#;

pub(crate) const TARGET: &str = r#"{
    "name": "audit", "address": "https://example.com/hook", "level": "WARN", "scopes": ["lifecycle"],
    "events": ["feature-created", "feature-tagged"], "retry_count": 5, "retry_timeout": "30s",
    "created_at": "2026-05-01T09:20:00.879Z"
}"#;

pub(crate) const TARGETS: &str = r#"{"targets": [{
    "name": "audit", "address": "https://example.com/hook", "level": "WARN", "scopes": ["lifecycle"],
    "events": ["feature-created", "feature-tagged"], "retry_count": 5, "retry_timeout": "30s",
    "created_at": "2026-05-01T09:20:00.879Z"
}]}"#;

pub(crate) const NEW_SOURCE: &str = r#"{"name": "unleash-prod", "catalog": "unleash"}"#;

pub(crate) const SOURCE: &str =
    r#"{"name": "unleash-prod", "catalog": "unleash", "created_at": "2026-05-01T09:10:00.412Z"}"#;

pub(crate) const SOURCES: &str =
    r#"{"sources": [{"name": "unleash-prod", "catalog": "unleash", "created_at": "2026-05-01T09:10:00.412Z"}]}"#;

pub(crate) const NEW_INGEST_KEY: &str = r#"{"name": "unleash-prod", "scope": "ingest", "source": "unleash-prod"}"#;

pub(crate) const NEW_READ_KEY: &str = r#"{"name": "auditor", "scope": "read", "expires_at": "2060-01-01T00:00:00Z"}"#;

pub(crate) const CREATED_KEY: &str = r#"{
    "name": "unleash-prod", "scope": "ingest", "source": "unleash-prod",
    "created_at": "2026-05-01T09:10:05.038Z", "last_used": null, "token": "tdg_0123456789ABCDEFGHIJKLMNOPQRSTUVDLLfuH"
}"#;

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
