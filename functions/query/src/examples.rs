//! Example bodies for the API document. They describe the same event, and a test compares them with the local stack's
//! responses.

pub(crate) const EVENT: &str = r#"{
    "id": 3403542528000501, "source": "unleash-prod", "catalog": "unleash", "scope": "lifecycle",
    "type": "feature-tagged", "time": "2026-05-01T09:30:00Z", "time_given": true, "received_at": "2026-05-01T09:30:00.212Z",
    "actor": "ada@example.org", "subject": "dark-mode", "entities": [], "project": "web",
    "environment": null, "level": null, "sv": 1, "label": "Flag tagged",
    "summary": "**ada@example.org** tagged **dark-mode** with **simple:beta** in project **web**",
    "payload": {
        "id": 501, "type": "feature-tagged", "createdBy": "ada@example.org",
        "createdAt": "2026-05-01T09:30:00.000Z", "featureName": "dark-mode", "project": "web",
        "data": {"type": "simple", "value": "beta"}
    }
}"#;

pub(crate) const EVENTS: &str = r#"{
    "events": [{
        "id": 3403542528000501, "source": "unleash-prod", "catalog": "unleash", "scope": "lifecycle",
        "type": "feature-tagged", "time": "2026-05-01T09:30:00Z", "time_given": true, "received_at": "2026-05-01T09:30:00.212Z",
        "actor": "ada@example.org", "subject": "dark-mode", "entities": [], "project": "web",
        "environment": null, "level": null, "sv": 1, "label": "Flag tagged",
        "summary": "**ada@example.org** tagged **dark-mode** with **simple:beta** in project **web**",
        "payload": {
            "id": 501, "type": "feature-tagged", "createdBy": "ada@example.org",
            "createdAt": "2026-05-01T09:30:00.000Z", "featureName": "dark-mode", "project": "web",
            "data": {"type": "simple", "value": "beta"}
        }
    }],
    "next": null, "total": null
}"#;

pub(crate) const DELIVERIES: &str = r#"{
    "event": 3403542528000501,
    "deliveries": [
        {
            "target": "audit", "status": "delivered", "reason": "accepted at attempt 1",
            "attempts": [
                {
                    "at": "2026-05-01T09:30:00.398Z", "duration_ms": 48,
                    "phases": {"dns_ms": 1.204, "connect_ms": 10.12, "tls_ms": 22.871, "first_byte_ms": 47.96},
                    "address": "93.184.215.14:443", "http": "HTTP/2.0",
                    "body_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "status": 204, "answer": ""
                }
            ],
            "next_attempt_at": null
        },
        {
            "target": "oncall", "status": "not_wanted",
            "reason": "the target takes logging, the event is lifecycle", "filter": "scopes",
            "attempts": [], "next_attempt_at": null
        }
    ]
}"#;

pub(crate) const EXPORTED: &str = r#"[{
    "id": 3403542528000501, "source": "unleash-prod", "catalog": "unleash", "scope": "lifecycle",
    "type": "feature-tagged", "time": "2026-05-01T09:30:00Z", "time_given": true, "received_at": "2026-05-01T09:30:00.212Z",
    "actor": "ada@example.org", "subject": "dark-mode", "entities": [], "project": "web",
    "environment": null, "level": null, "sv": 1, "label": "Flag tagged",
    "summary": "**ada@example.org** tagged **dark-mode** with **simple:beta** in project **web**",
    "payload": {
        "id": 501, "type": "feature-tagged", "createdBy": "ada@example.org",
        "createdAt": "2026-05-01T09:30:00.000Z", "featureName": "dark-mode", "project": "web",
        "data": {"type": "simple", "value": "beta"}
    }
}]"#;

pub(crate) const CSV: &str =
    r#""id,source,catalog,scope,type,…\r\n3403542528000501,unleash-prod,unleash,lifecycle,feature-tagged,…\r\n""#;

pub(crate) const TIMELINE: &str = r#"{
    "from": "2026-05-01T00:00:00Z", "to": "2026-05-02T00:00:00Z", "count": 1,
    "groups": [{
        "start": "2026-05-01T09:30:00Z", "end": "2026-05-01T09:30:00Z", "count": 1, "types": {"feature-tagged": 1},
        "events": [{
            "id": 3403542528000501, "source": "unleash-prod", "catalog": "unleash", "scope": "lifecycle",
            "type": "feature-tagged", "time": "2026-05-01T09:30:00Z", "actor": "ada@example.org",
            "subject": "dark-mode", "project": "web", "environment": null, "level": null, "label": "Flag tagged",
            "summary": "**ada@example.org** tagged **dark-mode** with **simple:beta** in project **web**"
        }]
    }],
    "complete_from": "2026-05-01T00:00:00Z", "next": null
}"#;

pub(crate) const FACETS: &str = r#"{"field": "project", "values": [{"value": "web", "count": 12}], "different": 1}"#;

pub(crate) const CATALOGS: &str = r#"{
    "catalogs": [{
        "name": "unleash", "title": "Unleash",
        "description": "Feature flag events, as Unleash's webhook integration sends them.",
        "schema": "/v1/schemas/unleash/base",
        "types": [{
            "name": "feature-tagged", "label": "Flag tagged", "description": "A tag was added to a feature flag.",
            "version": 1, "schema": "/v1/schemas/unleash/feature-tagged"
        }]
    }]
}"#;

pub(crate) const SCHEMA: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "feature-tagged", "type": "object"
}"#;

pub(crate) const UNLEASH_SEARCH: &str = r#"{
    "events": [{
        "id": 501, "type": "feature-tagged", "createdBy": "ada@example.org",
        "createdAt": "2026-05-01T09:30:00.000Z", "createdByUserId": 110, "data": {"type": "simple", "value": "beta"},
        "preData": null, "tags": [], "featureName": "dark-mode", "project": "web", "environment": null,
        "label": "Flag tagged",
        "summary": "**ada@example.org** tagged **dark-mode** with **simple:beta** in project **web**"
    }],
    "total": 1
}"#;

pub(crate) const UNLEASH_EVENTS: &str = r#"{
    "version": 1,
    "events": [{
        "id": 501, "type": "feature-tagged", "createdBy": "ada@example.org",
        "createdAt": "2026-05-01T09:30:00.000Z", "createdByUserId": 110, "data": {"type": "simple", "value": "beta"},
        "preData": null, "tags": [], "featureName": "dark-mode", "project": "web", "environment": null
    }],
    "totalEvents": 1
}"#;

pub(crate) const UNLEASH_FEATURE: &str = r#"{
    "version": 1, "toggleName": "dark-mode",
    "events": [{
        "id": 501, "type": "feature-tagged", "createdBy": "ada@example.org",
        "createdAt": "2026-05-01T09:30:00.000Z", "createdByUserId": 110, "data": {"type": "simple", "value": "beta"},
        "preData": null, "tags": [], "featureName": "dark-mode", "project": "web", "environment": null
    }],
    "totalEvents": 1
}"#;

pub(crate) const UNLEASH_BAD: &str = r#"{
    "name": "BadDataError",
    "message": "Request validation failed: your request body or params contain invalid data. Refer to the `details` list for more information.",
    "details": [{
        "message": "The `/query/type` property must be an operator, IS or IS_ANY_OF, a colon, and values. You sent \"x\".",
        "path": "/query/type"
    }]
}"#;
