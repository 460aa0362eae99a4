//! The idempotency key of a request.

use axum::http::{HeaderMap, HeaderName};

/// Headers with an idempotency key: the one of the IETF draft, and the one of Standard Webhooks with the same meaning.
const KEY_HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("idempotency-key"), HeaderName::from_static("webhook-id")];

/// Maximum length of a key in bytes. A longer key is replaced by its hash.
const MAX_KEY_BYTES: usize = 1024;

/// Returns the request's idempotency key, which identifies events without an id of their own.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Option<String> {
    let parse = |name: &HeaderName| {
        let value = String::from_utf8_lossy(headers.get(name)?.as_bytes()).trim().to_owned();
        // The draft defines a quoted string; most clients omit the quotes.
        let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).map(str::to_owned);
        let key = unquoted.unwrap_or(value);
        // The key may be stored in the quarantine. Only its equality matters.
        if key.len() > MAX_KEY_BYTES { Some(web::token::sha256(&key)) } else { Some(key).filter(|key| !key.is_empty()) }
    };
    KEY_HEADERS.iter().find_map(parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idempotency_keys_are_read_from_both_headers() {
        for (name, value, key) in [
            ("idempotency-key", "\"8e03978e\"", Some("8e03978e")),
            ("idempotency-key", " 8e03978e ", Some("8e03978e")),
            ("idempotency-key", "\"\"", None),
            ("webhook-id", "msg_1", Some("msg_1")),
            ("x-request-id", "1", None),
        ] {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())]);
            assert_eq!(idempotency_key(&headers).as_deref(), key, "{name}: {value}");
        }
    }
}
