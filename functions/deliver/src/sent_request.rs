//! The description of a request in the record of its attempt.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use url::Url;

/// Replacement of a secret.
const MASK: &str = "***";

/// Maximum total size of the recorded headers, in bytes. A record holds many attempts.
const MAX_RECORDED_HEADER_BYTES: usize = 700;

/// Header with the signature. Together with the other headers and the body, it would let a reader repeat the request.
const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("webhook-signature");

/// The recorded parts of a request, without secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SentRequest {
    pub(crate) url: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body_sha256: String,
}

impl SentRequest {
    pub(crate) fn new(url: &Url, headers: &HeaderMap, body: &[u8]) -> Self {
        Self { url: mask_url(url), headers: mask_headers(headers), body_sha256: hex::encode(Sha256::digest(body)) }
    }
}

/// Returns a URL whose path and query are masked: the addresses of many chat services are their credentials.
fn mask_url(url: &Url) -> String {
    let mut sent = url.clone();
    let (_, _) = (sent.set_username(""), sent.set_password(None));
    sent.set_fragment(None);
    webhook::mask_address(&sent)
}

/// Returns the headers with masked values. Headers beyond the maximum size are left out.
fn mask_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut remaining = MAX_RECORDED_HEADER_BYTES;
    let mask = |name: &HeaderName, value: &HeaderValue| match value.to_str() {
        Ok(text) if !value.is_sensitive() && *name != SIGNATURE_HEADER => text.to_owned(),
        _ => MASK.to_owned(),
    };
    let masked = headers.iter().map(|(name, value)| (name.as_str().to_owned(), mask(name, value)));
    let fits = |(name, value): &(String, String)| match remaining.checked_sub(name.len() + value.len()) {
        Some(rest) => {
            remaining = rest;
            true
        }
        None => false,
    };
    masked.filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(url: &str) -> String {
        mask_url(&url.parse().unwrap())
    }

    #[test]
    fn urls_are_recorded_without_credentials() {
        assert_eq!(masked("https://user:geheim@hooks.example.com/"), "https://hooks.example.com/");
        let slack = masked("https://hooks.example.com:8443/services/T0/B0/geheim?token=geheim#geheim");
        assert!(slack.starts_with("https://hooks.example.com:8443/*** (sha256 "), "{slack}");
        assert!(!slack.contains("geheim"), "{slack}");
        assert_ne!(masked("https://a.example/x"), masked("https://a.example/y"));
        assert_eq!(masked("https://a.example/x"), masked("https://user@a.example/x#y"));
    }

    #[test]
    fn headers_are_recorded_without_secrets() {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert("webhook-signature", HeaderValue::from_static("v1,geheim"));
        let mut secret = HeaderValue::from_static("Bearer geheim");
        secret.set_sensitive(true);
        headers.insert("authorization", secret);
        let recorded = mask_headers(&headers);
        assert_eq!(recorded["content-type"], "application/json");
        assert_eq!((recorded["webhook-signature"].as_str(), recorded["authorization"].as_str()), (MASK, MASK));
        headers.insert("x-long", HeaderValue::from_str(&"y".repeat(MAX_RECORDED_HEADER_BYTES)).unwrap());
        assert_eq!(mask_headers(&headers), recorded);
    }
}
