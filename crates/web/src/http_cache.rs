//! Cacheable responses (RFC 9111) with entity tags, so that unchanged content is not sent again.

use std::io::Write;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
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

/// A text that does not change while the process runs. It is compressed once, so that anonymous requests for large
/// documents cost little.
#[derive(Debug)]
pub struct StaticText {
    media_type: &'static str,
    text: String,
    gzip: Bytes,
}

impl StaticText {
    /// Compresses a text.
    pub fn new(media_type: &'static str, text: String) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail. An empty result would only mean that the text is not sent compressed.
        let gzip = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default();
        Self { media_type, text, gzip: gzip.into() }
    }

    /// Responds with the text like [`cached_response`], compressed if the client accepts gzip.
    pub fn respond(&'static self, request: &HeaderMap, caching: Caching) -> Response {
        let mut response = cached_response(request, caching, (self.media_type, self.text.as_str()));
        if response.status() == StatusCode::OK && !self.gzip.is_empty() && accepts_gzip(request) {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response.headers_mut().remove(header::CONTENT_LENGTH);
            *response.body_mut() = self.gzip.clone().into();
        }
        response
    }
}

/// Returns whether `Accept-Encoding` allows gzip (RFC 9110, 12.5.3). A request without the header gets plain text.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let values = request.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(',')).map(|coding| {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = parameters.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        (name.trim(), weight.unwrap_or(1.0))
    });
    codings.any(|(name, weight)| name.eq_ignore_ascii_case("gzip") && weight > 0.0)
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
    fn static_texts_are_sent_compressed_to_clients_that_accept_it() {
        let text: &'static StaticText = Box::leak(Box::new(StaticText::new("text/plain", "hello ".repeat(1000))));
        let respond = |accepted: &str| {
            let request = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accepted.parse().unwrap())]);
            text.respond(&request, Caching::Public)
        };
        for accepted in ["gzip", "br, GZIP;q=0.5", "deflate, gzip"] {
            let response = respond(accepted);
            assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip", "{accepted}");
            assert_eq!(response.headers()[header::VARY], "accept-encoding");
            assert!(axum::body::HttpBody::size_hint(response.body()).exact().is_some_and(|size| size < 200));
        }
        for accepted in ["", "identity", "gzip;q=0", "br"] {
            assert!(!respond(accepted).headers().contains_key(header::CONTENT_ENCODING), "{accepted}");
        }
        let plain = text.respond(&HeaderMap::new(), Caching::Public);
        let known = HeaderMap::from_iter([
            (header::IF_NONE_MATCH, plain.headers()[header::ETAG].clone()),
            (header::ACCEPT_ENCODING, HeaderValue::from_static("gzip")),
        ]);
        assert_eq!(text.respond(&known, Caching::Public).status(), StatusCode::NOT_MODIFIED);
    }

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
