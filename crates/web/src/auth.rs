//! Authentication and authorisation by API key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{FIRST_MANAGE_KEY_NAME, Key, KeyScope, KeyUse};
use store::{CachedRecords, ConfigTable, DeploymentCheck};
use subtle::ConstantTimeEq;

use crate::content_negotiation::{not_acceptable, require_json_accepted};
use crate::operation::{ErrorResponse, Operation};
use crate::problem::{Problem, ProblemType, busy};
use crate::query_params::reject_unknown_parameters;
use crate::token;

/// Maximum time for which a request waits until the use of its key is recorded.
const MAX_RECORD_USE_TIME: Duration = Duration::from_secs(1);

/// The errors of every operation that requires a key.
pub const COMMON_AUTH_ERRORS: [ErrorResponse; 4] = [
    ErrorResponse { description: "The request has no token, or an invalid one.", example: unauthorized },
    ErrorResponse {
        description: "The key does not have the required permission.",
        example: || missing_permission("manage", "unleash-prod"),
    },
    ErrorResponse { description: "The `Accept` header excludes JSON.", example: not_acceptable },
    ErrorResponse {
        description: "The database is busy or did not respond. Send the same request again.",
        example: busy,
    },
];

/// The API keys of a deployment.
///
/// Keys are cached for at most 30 s, so a removed key may continue to work for that long. Changes are the exception: a
/// removed manage key cannot change anything, above all not create another key.
#[derive(Debug, Clone)]
pub struct Keys {
    shared: Arc<Inner>,
    deployment: Option<DeploymentCheck>,
}

#[derive(Debug)]
struct Inner {
    first_sha256: Option<String>,
    keys: CachedRecords<Key>,
    config: ConfigTable,
    clock: fn() -> Timestamp,
    /// The day on which this process last recorded the use of each key.
    recorded: Mutex<HashMap<String, Date>>,
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Name of the key.
    pub key: String,
    /// Permission of the key.
    pub scope: KeyScope,
    /// Source that an ingest key belongs to.
    pub source: Option<String>,
    /// Record of the key; `None` for the first manage key, which is not in the table.
    record: Option<Key>,
}

impl Caller {
    /// Returns the caller's key; `None` for the first manage key.
    pub fn record(&self) -> Option<&Key> {
        self.record.as_ref()
    }
}

impl Keys {
    /// Creates a cache of the keys in this `config` table. `first_sha256` is the SHA-256 hash of the token of the manage
    /// key that the deployment was created with (`MANAGE_KEY_SHA256`).
    pub fn new(config: ConfigTable, first_sha256: Option<String>, clock: fn() -> Timestamp) -> Self {
        let keys = CachedRecords::new(config.clone());
        let shared = Arc::new(Inner { first_sha256, keys, config, clock, recorded: Mutex::default() });
        Self { shared, deployment: None }
    }

    /// Rejects every request while the function's settings differ from those of its deployment.
    #[must_use]
    pub fn with_deployment(self, check: DeploymentCheck) -> Self {
        Self { deployment: Some(check), ..self }
    }

    /// Reads the keys and compares the function's settings, so that the first request of the process does not wait for
    /// them.
    ///
    /// # Errors
    /// If DynamoDB fails, or if a setting differs.
    pub async fn warm_up(&self) -> Result<(), store::Error> {
        let verify = async {
            match &self.deployment {
                Some(check) => check.verify().await,
                None => Ok(()),
            }
        };
        tokio::try_join!(self.shared.keys.warm_up(), verify).map(|_| ())
    }

    /// Authenticates the caller by the token in the headers.
    ///
    /// # Errors
    /// If the token is missing, unknown or expired, without saying which; or if the keys cannot be loaded.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let token = extract_token(headers).ok_or_else(unauthorized)?;
        if let Some(check) = &self.deployment {
            check.verify().await?;
        }
        let sha256 = token::sha256(&token);
        let is = |known: &str| bool::from(known.as_bytes().ct_eq(sha256.as_bytes()));
        if self.shared.first_sha256.as_deref().is_some_and(is) {
            let key = FIRST_MANAGE_KEY_NAME.to_owned();
            return Ok(Caller { key, scope: KeyScope::Manage, source: None, record: None });
        }
        if !token::is_well_formed(&token) {
            return Err(unauthorized());
        }
        let now = (self.shared.clock)();
        let key = self.shared.keys.find(|key| is(&key.sha256)).await?.ok_or_else(unauthorized)?;
        // Only Tidings writes events of its own source. Earlier versions allowed keys for it.
        if key.has_reserved_source() || is_expired(&key, now) {
            return Err(unauthorized());
        }
        self.record_use(&key.name, now.to_zoned(TimeZone::UTC).date()).await;
        Ok(Caller { key: key.name.clone(), scope: key.scope, source: key.source.clone(), record: Some(key) })
    }

    /// Reads the key of a caller again, and rejects it if it was removed, replaced or has expired since it was cached.
    async fn confirm(&self, caller: &Caller) -> Result<(), Problem> {
        let Some(cached) = &caller.record else { return Ok(()) };
        let current = self.shared.config.get::<Key>(&cached.name).await?;
        let now = (self.shared.clock)();
        if current.is_some_and(|key| key.sha256 == cached.sha256 && !is_expired(&key, now)) {
            return Ok(());
        }
        self.shared.keys.invalidate().await;
        Err(unauthorized())
    }

    /// Records the use of a key, once per day and process. The first request of the day waits for the write: Lambda
    /// freezes the process after a response, and a write in the background might never finish. A failed write does not fail
    /// the request, and the next request tries again.
    async fn record_use(&self, name: &str, day: Date) {
        if self.recorded().get(name) == Some(&day) {
            return;
        }
        let used = KeyUse { name: name.to_owned(), day };
        match tokio::time::timeout(MAX_RECORD_USE_TIME, self.shared.config.put(&used)).await {
            Ok(Ok(())) => {
                self.recorded().insert(used.name, day);
            }
            Ok(Err(error)) => tracing::warn!(%error, key = name, "failed to record the use of a key"),
            Err(_) => tracing::warn!(key = name, "recording the use of a key took too long"),
        }
    }

    fn recorded(&self) -> MutexGuard<'_, HashMap<String, Date>> {
        self.shared.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_expired(key: &Key, now: Timestamp) -> bool {
    key.expires_at.is_some_and(|end| end <= now)
}

/// Extracts the token from the `Authorization` header: a bearer token, the password of Basic credentials, or the token
/// alone, as Unleash's clients send it.
fn extract_token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let Some((scheme, credentials)) = value.split_once(' ') else { return Some(value.to_owned()) };
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(credentials.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(credentials).ok()?;
    let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(password.to_owned())
}

/// The same problem for every reason, so that callers cannot tell an unknown token from an expired one.
fn unauthorized() -> Problem {
    Problem::new(
        ProblemType::Unauthorized,
        "A valid API key is required: send its token as `Authorization: Bearer <token>`, or as the password of Basic \
         credentials",
    )
}

fn missing_permission(needed: &str, key: &str) -> Problem {
    Problem::new(
        ProblemType::Forbidden,
        format!("This operation requires a key with the permission `{needed}`; the key {key:?} does not have it"),
    )
}

macro_rules! extractor {
    ($(#[$doc:meta])* $name:ident, $($scope:ident)|+, $permission:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Caller);

        impl<S> FromRequestParts<S> for $name
        where
            S: Send + Sync,
            Keys: FromRef<S>,
        {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let keys = Keys::from_ref(state);
                let caller = keys.authenticate(&parts.headers).await?;
                if !matches!(caller.scope, $(KeyScope::$scope)|+) {
                    return Err(missing_permission($permission, &caller.key));
                }
                if caller.scope == KeyScope::Manage && !parts.method.is_safe() {
                    keys.confirm(&caller).await?;
                }
                let check: fn(&HeaderMap) -> Result<(), Problem> = $check;
                check(&parts.headers)?;
                // Checked here so that handlers without parameters need no `Params` argument.
                match parts.extensions.get::<&'static Operation>() {
                    Some(operation) if !operation.allow_unknown_query => {
                        reject_unknown_parameters(parts.uri.query().unwrap_or_default(), operation.parameters)?;
                    }
                    _ => {}
                }
                Ok(Self(caller))
            }
        }
    };
}

extractor!(
    /// A caller that may send events. The handler checks the `Accept` header itself, after it has read the events.
    Ingest, Ingest, "ingest", |_| Ok(())
);
extractor!(
    /// A caller that may search and read events.
    Read, Read, "read", require_json_accepted
);
extractor!(
    /// A caller that may search and read events, in a response format that need not be JSON.
    ReadAnyFormat, Read, "read", |_| Ok(())
);
extractor!(
    /// A caller that may read deliveries and the health of targets.
    ReadOrManage, Read | Manage, "read", require_json_accepted
);
extractor!(
    /// A caller with any permission.
    AnyKey, Ingest | Read | Manage, "read", require_json_accepted
);
extractor!(
    /// A caller that may manage targets, sources, keys and the quarantine.
    Manage, Manage, "manage", require_json_accepted
);

#[cfg(test)]
mod tests {
    use super::*;

    fn token(value: &str) -> Option<String> {
        extract_token(&HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]))
    }

    #[test]
    fn tokens_are_extracted_from_bearer_and_basic_credentials() {
        assert_eq!(token("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(token("bearer  abc ").as_deref(), Some("abc"));
        // mm:abc
        assert_eq!(token("Basic bW06YWJj").as_deref(), Some("abc"));
        assert_eq!(token("abc").as_deref(), Some("abc"));
    }

    #[test]
    fn other_credentials_have_no_token() {
        for value in ["Digest abc", "Basic !!!", "Basic YWJj"] {
            assert_eq!(token(value), None, "{value}");
        }
    }
}
