//! Answers that a client may keep (RFC 9111), and that are not sent again while they are the same.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// Who may keep an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// Only the one who asked, and it is asked again whether it is still the same.
    Private,
    /// Everyone, for five minutes.
    Public,
    /// Everyone, and it is asked again whether it is still the same.
    Revalidated,
    /// Everyone, for good: what is at this address never changes.
    Forever,
}

/// Answers with the body and its `ETag`, or with 304 where the one who asks has it already.
pub fn cached_response(request: &HeaderMap, caching: Caching, body: impl IntoBytes) -> Response {
    let (body, media_type) = body.into_bytes();
    // Weak (RFC 9110, 8.8.3): compressed and as it is, an answer has the same one.
    let tag = format!("W/\"{}\"", hex::encode(&Sha256::digest(&body)[..12]));
    let known = request.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    // RFC 9110, 13.1.2: weak comparison, any of a list.
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let same = |value: &str| opaque(value) == opaque(&tag) || value.trim() == "*";
    let same = known.flat_map(|value| value.split(',')).any(same);
    let mut response = if same { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    let (control, vary) = match caching {
        Caching::Private => ("private, no-cache", "authorization, accept-encoding"),
        Caching::Public => ("public, max-age=300", "accept-encoding"),
        Caching::Revalidated => ("public, no-cache", "accept-encoding"),
        Caching::Forever => ("public, max-age=31536000, immutable", "accept-encoding"),
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(control));
    headers.insert(header::VARY, HeaderValue::from_static(vary));
    if !same {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    response
}

/// What can be answered: bytes of a media type.
pub trait IntoBytes {
    /// The bytes and their media type.
    fn into_bytes(self) -> (Bytes, &'static str);
}

impl<T: serde::Serialize> IntoBytes for axum::Json<T> {
    fn into_bytes(self) -> (Bytes, &'static str) {
        // What is answered are our own types, whose keys are texts.
        (serde_json::to_vec(&self.0).unwrap_or_default().into(), "application/json")
    }
}

impl IntoBytes for (&'static str, &'static str) {
    fn into_bytes(self) -> (Bytes, &'static str) {
        (Bytes::from_static(self.1.as_bytes()), self.0)
    }
}

impl IntoBytes for (&'static str, std::borrow::Cow<'static, str>) {
    fn into_bytes(self) -> (Bytes, &'static str) {
        let bytes = match self.1 {
            std::borrow::Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
            std::borrow::Cow::Owned(text) => text.into(),
        };
        (bytes, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_is_not_sent_again() {
        let page = ("text/plain", "hello");
        let first = cached_response(&HeaderMap::new(), Caching::Public, page);
        let tag = first.headers()[header::ETAG].clone();
        let weak = tag.to_str().unwrap();
        let strong = weak.strip_prefix("W/").unwrap();
        for known in [weak, strong, &format!("\"x\", {weak}"), "*"] {
            let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, known.parse().unwrap())]);
            let again = cached_response(&asked, Caching::Public, page);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(again.headers()[header::ETAG], tag);
        }
        let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, "\"other\"".parse().unwrap())]);
        assert_eq!(cached_response(&asked, Caching::Private, page).status(), StatusCode::OK);
    }
}
