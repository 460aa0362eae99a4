//! How large an answer may be: a Lambda hands it over as JSON, of which 6 MB are taken.

use axum::body::{Body, HttpBody, to_bytes};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use crate::app::REQUEST_ID;
use crate::problem::{Kind, Problem};

/// The most bytes of a body, as [`answer_size`] counts them: Lambda's 6 MB, without what the status and the headers
/// take.
pub const MAX_ANSWER: usize = 6_291_556 - 16_384;

/// The bytes that a body takes where a Lambda hands it over: text stands in a JSON string, where a quotation mark is
/// two bytes; anything else is in base64.
pub fn answer_size(media_type: &str, body: &[u8]) -> usize {
    let text = media_type.starts_with("text/") || media_type.starts_with("application/json");
    if text || media_type.ends_with("+json") {
        body.iter().map(|byte| escaped(*byte)).sum()
    } else {
        body.len().div_ceil(3) * 4
    }
}

/// The bytes that a byte takes in a JSON string.
fn escaped(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 2,
        0..0x20 => 6,
        _ => 1,
    }
}

/// The answer, unless it is larger than can be sent: pages end before they are, so that it has one event. Compressed,
/// each fits: an event has 4.5 MB at most, and the larger ones are stored only where they compress well.
pub(crate) async fn bounded(response: Response) -> Response {
    // What is compressed does not say how long it is. What is short enough is, whatever is in it.
    let may_be_large = response.body().size_hint().exact().is_some_and(|size| size > MAX_ANSWER as u64 / 6);
    if !may_be_large || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // What is in memory already can be read.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if answer_size(media_type(&parts.headers), &body) <= MAX_ANSWER {
        return Response::from_parts(parts, Body::from(body));
    }
    let mut refused = needs_compression().into_response();
    if let Some(id) = parts.headers.remove(REQUEST_ID) {
        refused.headers_mut().insert(REQUEST_ID, id);
    }
    refused
}

fn media_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The problem of an answer that can be sent compressed only.
pub fn needs_compression() -> Problem {
    Problem::new(
        Kind::NotAcceptable,
        "The answer is larger than the 6 MB that can be sent as they are: ask for it with the header \
         `Accept-Encoding: gzip` (curl --compressed)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_is_counted() {
        let text = "{\"a\":\"\\\u{1}\u{7f}ä\"}\r\n";
        assert_eq!(answer_size("application/json", text.as_bytes()), serde_json::to_string(text).unwrap().len() - 2);
        assert_eq!(answer_size("text/csv; charset=utf-8", b"\"\""), 4);
        assert_eq!(answer_size("application/problem+json", b"\"\""), 4);
        assert_eq!(answer_size("application/x-ndjson", b"1234"), 8);
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused_unless_it_is_compressed() {
        let answer = |size, encoding: Option<&str>| {
            let mut answer = Body::from("\"".repeat(size)).into_response();
            let headers = answer.headers_mut();
            headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
            headers.insert(REQUEST_ID, "7".parse().unwrap());
            headers.extend(encoding.map(|encoding| (header::CONTENT_ENCODING, encoding.parse().unwrap())));
            bounded(answer)
        };
        for (size, encoding, status) in
            [(MAX_ANSWER / 2, None, 200), (MAX_ANSWER / 2 + 1, None, 406), (MAX_ANSWER, Some("gzip"), 200)]
        {
            let answer = answer(size, encoding).await;
            assert_eq!((answer.status().as_u16(), &answer.headers()[REQUEST_ID]), (status, &"7".parse().unwrap()));
        }
    }
}
