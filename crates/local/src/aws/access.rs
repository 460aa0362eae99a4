//! The access key of the local DynamoDB and SQS.

use axum::http::{HeaderMap, Uri, header};
use subtle::ConstantTimeEq;

/// The access key of a start. It is random, and only the file `dev.json` contains it, which only its owner can read.
#[derive(Clone)]
pub(crate) struct AccessKey(String);

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessKey(***)")
    }
}

/// The reason for which a request is rejected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AccessDenied {
    /// A web page sent the request, or a name that is not the machine's was resolved to it.
    ForeignOrigin,
    /// The request is not signed with the access key.
    WrongKey,
}

impl AccessKey {
    /// Generates a key.
    pub(crate) fn generate() -> anyhow::Result<Self> {
        Ok(Self(web::token::generate()?))
    }

    /// The key's ID, which is the secret: the local services compare it, and do not verify signatures.
    pub(crate) fn id(&self) -> &str {
        &self.0
    }

    /// Checks the headers of a request.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), AccessDenied> {
        if headers.contains_key(header::ORIGIN) || !has_loopback_host(headers) {
            return Err(AccessDenied::ForeignOrigin);
        }
        let sent = access_key_id(headers).unwrap_or_default();
        if bool::from(sent.as_bytes().ct_eq(self.0.as_bytes())) { Ok(()) } else { Err(AccessDenied::WrongKey) }
    }
}

/// True if the request names this machine. Otherwise a web page may have pointed its own name at the loopback address.
fn has_loopback_host(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Uri>().ok());
    authority.is_some_and(|uri| matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]")))
}

/// Returns the ID of the access key in a signature of version 4:
/// `AWS4-HMAC-SHA256 Credential=<ID>/<date>/<region>/<service>/aws4_request, …`.
fn access_key_id(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split_once('/').map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(header::HeaderName, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_local_requests_with_the_key_are_accepted() {
        let key = AccessKey("key".to_owned());
        let (host, authorization) = (header::HOST, header::AUTHORIZATION);
        let signed =
            "AWS4-HMAC-SHA256 Credential=key/20261201/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
        for local in ["127.0.0.1:4000", "localhost:4000", "[::1]:4000", "127.0.0.1"] {
            assert_eq!(
                key.check(&headers(&[(host.clone(), local), (authorization.clone(), signed)])),
                Ok(()),
                "{local}"
            );
        }
        for foreign in ["rebound.example:4000", "127.0.0.1.example", "10.0.0.1", ""] {
            let headers = headers(&[(host.clone(), foreign), (authorization.clone(), signed)]);
            assert_eq!(key.check(&headers), Err(AccessDenied::ForeignOrigin), "{foreign}");
        }
        let page = [(host.clone(), "127.0.0.1"), (authorization.clone(), signed), (header::ORIGIN, "http://127.0.0.1")];
        assert_eq!(key.check(&headers(&page)), Err(AccessDenied::ForeignOrigin));
        for wrong in [
            "",
            "AWS4-HMAC-SHA256 Credential=local/20261201/x, Signature=0",
            "Bearer key",
            &signed.replace("key", "ke"),
        ] {
            let headers = headers(&[(host.clone(), "127.0.0.1"), (authorization.clone(), wrong)]);
            assert_eq!(key.check(&headers), Err(AccessDenied::WrongKey), "{wrong}");
        }
    }
}
