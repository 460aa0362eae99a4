//! Events that a webhook of a log forwards to a log.
//!
//! A target whose address is this log, or that leads back to it through other systems, must not forward its own
//! webhooks for ever. A webhook of this log is recognised by its id and its body. Other webhooks count their hops.

use axum::http::{HeaderMap, HeaderName};
use events::{EventId, Form, RawEvent};

use crate::state::State;

/// Header with the number of webhooks that have forwarded the event from log to log, including this request.
const HOPS_HEADER: HeaderName = HeaderName::from_static("tidings-hops");

/// Header with the id of a webhook.
const WEBHOOK_ID_HEADER: HeaderName = HeaderName::from_static("webhook-id");

/// Number of hexadecimal digits at the end of the id of our webhooks.
const TARGET_DIGITS: usize = 12;

/// Returns the number of webhooks that have forwarded the request's events; 0 if the header is missing or invalid.
pub(crate) fn hops(headers: &HeaderMap) -> u32 {
    headers.get(HOPS_HEADER).and_then(|value| value.to_str().ok()?.trim().parse().ok()).unwrap_or(0)
}

/// Returns the id of the event that a webhook of this log has sent back unchanged; `None` if the event comes from
/// elsewhere. If the log cannot be read, the event counts as new, and its hops bound the loop.
pub(crate) async fn find_forwarded(state: &State, headers: &HeaderMap, raw: &RawEvent<'_>) -> Option<EventId> {
    let id = headers.get(WEBHOOK_ID_HEADER).and_then(|value| parse_webhook_id(value.to_str().ok()?))?;
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

/// Returns the event in an id of the form `msg_<event>_<12 hexadecimal digits>`.
fn parse_webhook_id(id: &str) -> Option<EventId> {
    let (event, target) = id.trim().strip_prefix("msg_")?.split_once('_')?;
    let is_target = target.len() == TARGET_DIGITS && target.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_target.then(|| event.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_our_webhooks_name_an_event() {
        assert_eq!(parse_webhook_id("msg_42_b81f37a043a6"), EventId::from_u64(42));
        for id in ["msg_42", "msg_42_b81f37a043a", "msg_42_b81f37a043ax", "msg_x_b81f37a043a6", "evt_42_b81f37a043a6"] {
            assert_eq!(parse_webhook_id(id), None, "{id}");
        }
    }

    #[test]
    fn invalid_hops_count_as_none() {
        for (value, expected) in [("3", 3), (" 4 ", 4), ("-1", 0), ("many", 0), ("99999999999", 0)] {
            let headers = HeaderMap::from_iter([(HOPS_HEADER, value.parse().unwrap())]);
            assert_eq!(hops(&headers), expected, "{value}");
        }
        assert_eq!(hops(&HeaderMap::new()), 0);
    }
}
