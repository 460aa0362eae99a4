//! Cacheable responses (RFC 9111) with entity tags, so that unchanged content is not sent again.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// Cache-Control policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// Only the client may store the response, and must revalidate it.
    Private,
    /// Shared caches may store the response for five minutes.
    Public,
    /// Shared caches may store the response, and must revalidate it.
    Revalidated,
    /// The content at this URL never changes.
    Forever,
}

/// Responds with the body and its `ETag`, or with 304 if the client has the current version.
pub fn cached_response(request: &HeaderMap, caching: Caching, body: impl IntoBody) -> Response {
    let (body, media_type) = body.into_body();
    // A weak tag (RFC 9110, 8.8.3), because the compressed and the uncompressed body have the same one.
    let etag = format!("W/\"{}\"", hex::encode(&Sha256::digest(&body)[..12]));
    let cached = request.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    // RFC 9110, 13.1.2: weak comparison with any tag of the list.
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let matches = |value: &str| opaque(value) == opaque(&etag) || value.trim() == "*";
    let is_unchanged = cached.flat_map(|value| value.split(',')).any(matches);
    let mut response = if is_unchanged { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(header::ETAG, etag);
    }
    let (control, vary) = match caching {
        Caching::Private => ("private, no-cache", "authorization, accept-encoding"),
        Caching::Public => ("public, max-age=300", "accept-encoding"),
        Caching::Revalidated => ("public, no-cache", "accept-encoding"),
        Caching::Forever => ("public, max-age=31536000, immutable", "accept-encoding"),
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(control));
    headers.insert(header::VARY, HeaderValue::from_static(vary));
    if !is_unchanged {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    response
}

/// A response body with a media type.
pub trait IntoBody {
    /// Returns the bytes and their media type.
    fn into_body(self) -> (Bytes, &'static str);
}

impl<T: serde::Serialize> IntoBody for axum::Json<T> {
    fn into_body(self) -> (Bytes, &'static str) {
        // Serialisation cannot fail: responses are our own types, whose map keys are strings.
        (serde_json::to_vec(&self.0).unwrap_or_default().into(), "application/json")
    }
}

impl IntoBody for (&'static str, &'static str) {
    fn into_body(self) -> (Bytes, &'static str) {
        (Bytes::from_static(self.1.as_bytes()), self.0)
    }
}

impl IntoBody for (&'static str, std::borrow::Cow<'static, str>) {
    fn into_body(self) -> (Bytes, &'static str) {
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
    fn unchanged_content_is_not_sent_again() {
        let page = ("text/plain", "hello");
        let first = cached_response(&HeaderMap::new(), Caching::Public, page);
        let tag = first.headers()[header::ETAG].clone();
        let weak = tag.to_str().unwrap();
        let strong = weak.strip_prefix("W/").unwrap();
        for cached in [weak, strong, &format!("\"x\", {weak}"), "*"] {
            let request = HeaderMap::from_iter([(header::IF_NONE_MATCH, cached.parse().unwrap())]);
            let again = cached_response(&request, Caching::Public, page);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{cached}");
            assert_eq!(again.headers()[header::ETAG], tag);
        }
        let request = HeaderMap::from_iter([(header::IF_NONE_MATCH, "\"other\"".parse().unwrap())]);
        assert_eq!(cached_response(&request, Caching::Private, page).status(), StatusCode::OK);
    }
}
