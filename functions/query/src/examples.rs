//! Bodies for the API's document: they belong together, and are what the local stack answers.

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
    "next": null
}"#;

pub(crate) const DELIVERIES: &str = r#"{
    "event": 3403542528000501,
    "deliveries": [
        {
            "target": "audit", "status": "delivered", "reason": "accepted at attempt 1",
            "attempts": [
                {"at": "2026-05-01T09:30:00.398Z", "duration_ms": 26, "status": 204, "answer": ""}
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
