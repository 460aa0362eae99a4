//! The description of the webhook that targets receive.

use serde_json::{Value, json};

const DESCRIPTION: &str = "\
Sent to a target for each event that matches its filter. Signed according to \
[Standard Webhooks](https://www.standardwebhooks.com): any of its libraries verifies the webhook with the target's \
signing secret.

Delivered at least once, in no guaranteed order. An attempt takes at most the target's `timeout`; redirects are not \
followed.";

/// Describes the webhook.
pub(super) fn describe_webhook() -> Value {
    json!({
        "operationId": "receiveEvent",
        "summary": "Receive an event",
        "description": DESCRIPTION,
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            describe_header(
                "webhook-id",
                "ID of the delivery. It is the same for every attempt to deliver an event to a target, so that duplicates can be \
                    detected.",
                json!({ "type": "string", "pattern": "^msg_[0-9]+_[0-9a-f]{12}$" }),
                json!("msg_3403542528000501_b81f37a043a6"),
            ),
            describe_header(
                "webhook-timestamp",
                "Time of the attempt, in seconds since 1970.",
                json!({ "type": "integer" }),
                json!(1_777_627_800),
            ),
            describe_header(
                "webhook-signature",
                "`v1,` followed by the base64-encoded HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>`. Two signatures, \
                    separated by a space, while the secret is being rotated.",
                json!({ "type": "string", "pattern": "^v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=)?$" }),
                json!("v1,3sBKeCUuNYLQwsxOl5S1dTWOChPttVaM0amk3G7sN6s="),
            ),
        ],
        "requestBody": {
            "description": "Payload of the event, byte for byte as its producer sent it.",
            "required": true,
            "content": {
                "application/json": {
                    "schema": { "type": "object" },
                    "examples": {
                        "event": {
                            "value": {
                                "id": 501,
                                "type": "feature-tagged",
                                "createdBy": "ada@example.org",
                                "createdAt": "2026-05-01T09:30:00.000Z",
                                "featureName": "dark-mode",
                                "project": "web",
                                "data": { "type": "simple", "value": "beta" },
                            },
                        },
                    },
                },
            },
        },
        "responses": {
            "2XX": { "description": "The event is delivered. The first kilobyte of the response is stored." },
            "default": {
                "description": "The attempt failed, as it does if there is no complete response in time. The next \
                    attempt follows after the target's `retry_timeout` or by its `retry_schedule`, plus or minus 10 %, \
                    and after 429 or 503 no earlier than `Retry-After`. 410 pauses the target.",
            },
        },
    })
}

fn describe_header(name: &str, description: &str, schema: Value, example: Value) -> Value {
    json!({
        "name": name,
        "in": "header",
        "description": description,
        "required": true,
        "schema": schema,
        "example": example,
    })
}
