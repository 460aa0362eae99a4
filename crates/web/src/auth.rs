//! Who is calling, and what they may do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{Key, KeyScope, KeyUse};
use store::{CachedRecords, ConfigTable};
use subtle::ConstantTimeEq;
use tracing::Instrument;

use crate::content_negotiation::{not_acceptable, require_json_accepted};
use crate::operation::{ErrorResponse, Operation};
use crate::problem::{Problem, ProblemType, busy};
use crate::query_params::reject_unknown_parameters;
use crate::token;

/// The name under which the deployment's own first manage key acts.
const FIRST_KEY: &str = "first-manage-key";

/// How every operation that needs a key may say no.
pub const COMMON_AUTH_ERRORS: [ErrorResponse; 4] = [
    ErrorResponse { description: "There is no token in the request, or not one of a key.", example: unauthorized },
    ErrorResponse { description: "The key is of another scope.", example: || wrong_scope("manage", "unleash-prod") },
    ErrorResponse { description: "The `Accept` header leaves out JSON.", example: not_acceptable },
    ErrorResponse {
        description: "The database is busy or did not answer: send the same request again.",
        example: busy,
    },
];

/// The keys of a deployment, as a function checks them.
///
/// They are kept for at most 30 s, which is how long a removed key may go on working.
#[derive(Debug, Clone)]
pub struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    first_sha256: Option<String>,
    keys: CachedRecords<Key>,
    config: ConfigTable,
    clock: fn() -> Timestamp,
    /// The day on which this process last noted the use of each key.
    noted: Mutex<HashMap<String, Date>>,
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The key's name.
    pub key: String,
    /// What it may do.
    pub scope: KeyScope,
    /// The source that an ingest key posts for.
    pub source: Option<String>,
}

impl Keys {
    /// The keys of this `config` table, and the manage key that the deployment was created with,
    /// by the SHA-256 of its token (`MANAGE_KEY_SHA256`).
    pub fn new(config: ConfigTable, first_sha256: Option<String>, clock: fn() -> Timestamp) -> Self {
        let keys = CachedRecords::new(config.clone());
        Self(Arc::new(Inner { first_sha256, keys, config, clock, noted: Mutex::default() }))
    }

    /// The caller that these headers speak for. What is wrong with a token that is of no use is not
    /// told.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let token = token_of(headers).ok_or_else(unauthorized)?;
        let sha256 = token::sha256(&token);
        let is = |known: &str| bool::from(known.as_bytes().ct_eq(sha256.as_bytes()));
        if self.0.first_sha256.as_deref().is_some_and(is) {
            return Ok(Caller { key: FIRST_KEY.to_owned(), scope: KeyScope::Manage, source: None });
        }
        if !token::is_well_formed(&token) {
            return Err(unauthorized());
        }
        let now = (self.0.clock)();
        let key = self.0.keys.find(|key| is(&key.sha256)).await?.ok_or_else(unauthorized)?;
        if key.expires_at.is_some_and(|end| end <= now) {
            return Err(unauthorized());
        }
        self.note_use(&key.name, now.to_zoned(TimeZone::UTC).date());
        Ok(Caller { key: key.name, scope: key.scope, source: key.source })
    }

    /// Notes that the key was used on this day, once a day and process. The request does not wait for
    /// it, and a note that cannot be made is no reason to refuse the request.
    fn note_use(&self, name: &str, day: Date) {
        let before = self.0.noted.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), day);
        if before == Some(day) {
            return;
        }
        let (config, used) = (self.0.config.clone(), KeyUse { name: name.to_owned(), day });
        let note = async move {
            if let Err(error) = config.put(&used).await {
                tracing::warn!(%error, key = used.name, "the use of a key cannot be noted");
            }
        };
        tokio::spawn(note.in_current_span());
    }
}

/// The token in `Authorization: Bearer <token>`, the password of Basic credentials, or the token alone, as
/// Unleash's clients send it.
fn token_of(headers: &HeaderMap) -> Option<String> {
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

/// One answer for every reason: an unknown token looks like none.
fn unauthorized() -> Problem {
    Problem::new(
        ProblemType::Unauthorized,
        "Send a key's token: `Authorization: Bearer <token>`, or Basic with the token as the password",
    )
}

fn wrong_scope(needed: &str, key: &str) -> Problem {
    Problem::new(ProblemType::Forbidden, format!("This needs a key of scope `{needed}`; the key {key:?} has another"))
}

macro_rules! extractor {
    ($(#[$doc:meta])* $name:ident, $($scope:ident)|+, $word:literal, $also:expr) => {
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
                let caller = Keys::from_ref(state).authenticate(&parts.headers).await?;
                if !matches!(caller.scope, $(KeyScope::$scope)|+) {
                    return Err(wrong_scope($word, &caller.key));
                }
                let also: fn(&HeaderMap) -> Result<(), Problem> = $also;
                also(&parts.headers)?;
                // By the table of operations, so that no handler has to say that it takes no parameters.
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
    /// A caller that may post events. What it can read in answer is looked at when its events are kept.
    Ingest, Ingest, "ingest", |_| Ok(())
);
extractor!(
    /// A caller that may search and read.
    Read, Read, "read", require_json_accepted
);
extractor!(
    /// A caller that may search and read, in a form of its own choice.
    ReadAnyFormat, Read, "read", |_| Ok(())
);
extractor!(
    /// A caller that may see how targets are doing.
    ReadOrManage, Read | Manage, "read", require_json_accepted
);
extractor!(
    /// A caller with any key.
    AnyKey, Ingest | Read | Manage, "read", require_json_accepted
);
extractor!(
    /// A caller that may change targets, sources and keys.
    Manage, Manage, "manage", require_json_accepted
);

#[cfg(test)]
mod tests {
    use super::*;

    fn token(value: &str) -> Option<String> {
        token_of(&HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]))
    }

    #[test]
    fn bearer_and_basic_carry_the_token() {
        assert_eq!(token("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(token("bearer  abc ").as_deref(), Some("abc"));
        // mm:abc
        assert_eq!(token("Basic bW06YWJj").as_deref(), Some("abc"));
        assert_eq!(token("abc").as_deref(), Some("abc"));
    }

    #[test]
    fn anything_else_carries_none() {
        for value in ["Digest abc", "Basic !!!", "Basic YWJj"] {
            assert_eq!(token(value), None, "{value}");
        }
    }
}
