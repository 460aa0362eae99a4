//! What a target receives.

use serde_json::{Value, json};

const DESCRIPTION: &str = "\
Sent to a target for every event that it wants, signed as [Standard Webhooks](https://www.standardwebhooks.com) says: \
any library of theirs verifies it with the target's signing secret.

At least once, in no order that is promised. An attempt takes as long as the target's `timeout` at most; redirects are not followed.";

/// The one webhook that there is.
pub(super) fn describe() -> Value {
    json!({
        "operationId": "receiveEvent",
        "summary": "An event that the target wants",
        "description": DESCRIPTION,
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            header(
                "webhook-id",
                "The delivery: the same for every attempt of one event to one target, so that repeats can be dropped.",
                json!({ "type": "string", "pattern": "^msg_[0-9]+_[0-9a-f]{12}$" }),
                json!("msg_3403542528000501_b81f37a043a6"),
            ),
            header(
                "webhook-timestamp",
                "When the attempt was made, in seconds since 1970.",
                json!({ "type": "integer" }),
                json!(1_777_627_800),
            ),
            header(
                "webhook-signature",
                "`v1,` and, in base64, HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`; two of them, separated by a \
                    space, while the secret is being replaced.",
                json!({ "type": "string", "pattern": "^v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=)?$" }),
                json!("v1,3sBKeCUuNYLQwsxOl5S1dTWOChPttVaM0amk3G7sN6s="),
            ),
        ],
        "requestBody": {
            "description": "The event's payload: what its producer sent, byte for byte.",
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
            "2XX": { "description": "Accepted: the event is delivered. The first kilobyte of the answer is kept." },
            "default": {
                "description": "The attempt failed, as it does where there is no complete answer in time. The next \
                    one is made after the target's `retry_timeout` or by its `retry_schedule`, give or take a tenth, \
                    and with 429 or 503 no earlier than `Retry-After` says. 410 pauses the target.",
            },
        },
    })
}

fn header(name: &str, description: &str, schema: Value, example: Value) -> Value {
    json!({
        "name": name,
        "in": "header",
        "description": description,
        "required": true,
        "schema": schema,
        "example": example,
    })
}
