//! The size limit of responses: Lambda serialises a response as JSON, of at most 6 MB.

use axum::body::{Body, HttpBody, to_bytes};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use crate::problem::{Problem, ProblemType};
use crate::request_id::REQUEST_ID;

/// Maximum size of a body as [`response_size`] measures it: Lambda's 6 MB, less 16 KB for the status and headers.
pub const MAX_RESPONSE_BYTES: usize = 6_291_556 - 16_384;

/// The size of a body in the JSON that Lambda returns. Text becomes a JSON string, in which a quotation mark takes two
/// bytes; other bodies are encoded as base64.
pub fn response_size(media_type: &str, body: &[u8]) -> usize {
    let text = media_type.starts_with("text/") || media_type.starts_with("application/json");
    if text || media_type.ends_with("+json") {
        body.iter().map(|byte| json_escaped_length(*byte)).sum()
    } else {
        body.len().div_ceil(3) * 4
    }
}

/// The number of bytes that a byte occupies in a JSON string.
fn json_escaped_length(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

/// Replaces a response that is too large for Lambda by the [`compression_required`] problem.
///
/// Pages end before they reach the limit, so such a response holds a single event. Every event fits if it is compressed:
/// it has at most 4.5 MB, and larger events are stored only if they compress well.
pub(crate) async fn limit_response_size(response: Response) -> Response {
    // A compressed body has no exact size. A byte takes at most six bytes in a JSON string, so short bodies always fit.
    let may_be_large = response.body().size_hint().exact().is_some_and(|size| size > MAX_RESPONSE_BYTES as u64 / 6);
    if !may_be_large || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // The body has an exact size, so it is in memory already and reading it cannot fail.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if response_size(media_type(&parts.headers), &body) <= MAX_RESPONSE_BYTES {
        return Response::from_parts(parts, Body::from(body));
    }
    let mut problem = compression_required().into_response();
    if let Some(id) = parts.headers.remove(REQUEST_ID) {
        problem.headers_mut().insert(REQUEST_ID, id);
    }
    problem
}

fn media_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The problem of a response that can only be sent compressed.
pub fn compression_required() -> Problem {
    Problem::new(
        ProblemType::NotAcceptable,
        "The response exceeds the limit of 6 MB: send the header `Accept-Encoding: gzip` to get it compressed \
         (curl --compressed)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_size_matches_the_json_that_lambda_returns() {
        let text = "{\"a\":\"\\\u{1}\u{7f}ä\"}\r\n";
        assert_eq!(response_size("application/json", text.as_bytes()), serde_json::to_string(text).unwrap().len() - 2);
        assert_eq!(response_size("text/csv; charset=utf-8", b"\"\""), 4);
        assert_eq!(response_size("application/problem+json", b"\"\""), 4);
        assert_eq!(response_size("application/x-ndjson", b"1234"), 8);
    }

    #[tokio::test]
    async fn large_responses_are_rejected_unless_compressed() {
        let respond = |size, encoding: Option<&str>| {
            let mut response = Body::from("\"".repeat(size)).into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
            headers.insert(REQUEST_ID, "7".parse().unwrap());
            headers.extend(encoding.map(|encoding| (header::CONTENT_ENCODING, encoding.parse().unwrap())));
            limit_response_size(response)
        };
        for (size, encoding, status) in [
            (MAX_RESPONSE_BYTES / 2, None, 200),
            (MAX_RESPONSE_BYTES / 2 + 1, None, 406),
            (MAX_RESPONSE_BYTES, Some("gzip"), 200),
        ] {
            let response = respond(size, encoding).await;
            assert_eq!((response.status().as_u16(), &response.headers()[REQUEST_ID]), (status, &"7".parse().unwrap()));
        }
    }
}
