//! Events that a webhook of a log forwards to a log.
//!
//! A target whose address is this log, or that leads back to it through other systems, must not forward its own
//! webhooks for ever. A webhook of this log is recognised by its id and its body. Other webhooks count their hops.

use axum::http::{HeaderMap, HeaderName};
use events::{EventId, Form, RawEvent};
use model::WebhookId;

use crate::state::State;

/// Header with the number of webhooks that have forwarded the event from log to log, including this request.
const HOPS_HEADER: HeaderName = HeaderName::from_static("tidings-hops");

/// Header with the id of a webhook.
const WEBHOOK_ID_HEADER: HeaderName = HeaderName::from_static("webhook-id");

/// Returns the number of webhooks that have forwarded the request's events; 0 if the header is missing or invalid.
pub(crate) fn hops(headers: &HeaderMap) -> u32 {
    headers.get(HOPS_HEADER).and_then(|value| value.to_str().ok()?.trim().parse().ok()).unwrap_or(0)
}

/// Returns the id of the event that a webhook of this log has sent back unchanged; `None` if the event comes from
/// elsewhere. If the log cannot be read, the event counts as new, and its hops bound the loop.
pub(crate) async fn find_forwarded(state: &State, headers: &HeaderMap, raw: &RawEvent<'_>) -> Option<EventId> {
    let id: WebhookId = headers.get(WEBHOOK_ID_HEADER)?.to_str().ok()?.trim().parse().ok()?;
    let id = id.event;
    if raw.form != Form::Event {
        return None;
    }
    match state.events.get(id).await {
        Ok(event) => event.filter(|event| event.source == raw.source && event.payload == *raw.bytes).map(|_| id),
        Err(error) => {
            tracing::warn!(%error, event = %id, "failed to read the event of a webhook");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_hops_count_as_none() {
        for (value, expected) in [("3", 3), (" 4 ", 4), ("-1", 0), ("many", 0), ("99999999999", 0)] {
            let headers = HeaderMap::from_iter([(HOPS_HEADER, value.parse().unwrap())]);
            assert_eq!(hops(&headers), expected, "{value}");
        }
        assert_eq!(hops(&HeaderMap::new()), 0);
    }
}
