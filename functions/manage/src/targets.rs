//! `/v1/targets`: the webhook receivers.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use events::{Level, Scope};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Record, SigningSecret, Target, duration};
use url::Url;
use web::{JsonBody, Kind, Manage, Problem};

use crate::State;
use crate::name::{self, Violations, unknown};

const MAX_ADDRESS: usize = 2048;

/// The most types that a target names, and the most bytes of one.
const MAX_EVENTS: usize = 100;
const MAX_EVENT: usize = 200;

const DEFAULT_RETRY_COUNT: u32 = 3;
const MAX_RETRY_COUNT: u32 = 100;

const DEFAULT_RETRY_TIMEOUT: &str = "10s";

/// All the waits of a delivery together: the queue keeps a message for ten days.
const MAX_WAITS: Duration = Duration::from_hours(9 * 24);

/// SQS hides a message for at most 12 hours.
const MAX_RETRY_TIMEOUT: Duration = Duration::from_hours(12);

/// What a target is created from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTarget {
    /// Its name, which no other target has.
    #[schemars(regex(pattern = name::PATTERN))]
    name: String,
    /// Where its events are posted: `https` or `http`, without a user name or password. Private
    /// networks are not dialled, unless the deployment allows them.
    #[schemars(url, length(max = MAX_ADDRESS), regex(pattern = "^[Hh][Tt][Tt][Pp][Ss]?://"))]
    address: String,
    /// The least severe log line that it wants; bounds `logging` events only.
    #[schemars(extend("default" = Level::Warn))]
    level: Option<Level>,
    /// The scopes that it wants.
    #[schemars(length(min = 1), extend("default" = default_scopes()))]
    scopes: Option<Vec<Scope>>,
    /// The types that it wants; empty means every type.
    #[serde(default)]
    #[schemars(length(max = MAX_EVENTS), inner(length(min = 1, max = MAX_EVENT)))]
    events: Vec<String>,
    /// How often a delivery is attempted.
    #[schemars(range(min = 1, max = MAX_RETRY_COUNT), extend("default" = DEFAULT_RETRY_COUNT))]
    retry_count: Option<u32>,
    /// How long to wait between two attempts, such as `10s`, `5m` or `1h30m`: at most 12 hours, and
    /// all waits together at most 9 days.
    #[schemars(extend("default" = DEFAULT_RETRY_TIMEOUT))]
    retry_timeout: Option<String>,
    /// What its deliveries are signed with: `whsec_` and 24 to 64 bytes in base64. One is made where
    /// it is left out.
    #[schemars(regex(pattern = "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$"))]
    signing_secret: Option<String>,
}

/// A target without its secret.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Target")]
pub(crate) struct TargetView {
    /// Its name.
    name: String,
    /// Where its events are posted.
    address: Url,
    /// The least severe log line that it wants; bounds `logging` events only.
    level: Level,
    /// The scopes that it wants.
    scopes: Vec<Scope>,
    /// The types that it wants; empty means every type.
    events: Vec<String>,
    /// How often a delivery is attempted.
    retry_count: u32,
    /// How long to wait between two attempts.
    retry_timeout: String,
    /// When it was created: events that were received earlier are not delivered to it.
    created_at: Timestamp,
    /// Shown in the answer that creates the target, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_secret: Option<String>,
}

/// Every target.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TargetList {
    /// By name.
    targets: Vec<TargetView>,
}

impl From<Target> for TargetView {
    fn from(target: Target) -> Self {
        Self {
            name: target.name,
            address: target.address,
            level: target.level,
            scopes: target.scopes,
            events: target.events,
            retry_count: target.retry_count,
            retry_timeout: duration::format(target.retry_timeout),
            created_at: target.created_at,
            signing_secret: None,
        }
    }
}

/// `POST /v1/targets`.
pub(crate) async fn create(
    Shared(state): Shared<State>,
    _: Manage,
    JsonBody(new): JsonBody<NewTarget>,
) -> Result<(StatusCode, Json<TargetView>), Problem> {
    let target = new.check((state.clock)())?;
    state.config.create(&target).await?;
    let signing_secret = Some(target.signing_secret.reveal().to_owned());
    Ok((StatusCode::CREATED, Json(TargetView { signing_secret, ..target.into() })))
}

/// `GET /v1/targets`.
pub(crate) async fn list(Shared(state): Shared<State>, _: Manage) -> Result<Json<TargetList>, Problem> {
    let targets: Vec<Target> = state.config.list().await?;
    Ok(Json(TargetList { targets: targets.into_iter().map(TargetView::from).collect() }))
}

/// `GET /v1/targets/{name}`.
pub(crate) async fn read(
    Shared(state): Shared<State>,
    _: Manage,
    Path(name): Path<String>,
) -> Result<Json<TargetView>, Problem> {
    let target: Option<Target> = state.config.get(&name).await?;
    target.map(|target| Json(target.into())).ok_or_else(|| unknown(Target::KIND, &name))
}

/// `DELETE /v1/targets/{name}`: what waits for it is dropped.
pub(crate) async fn remove(
    Shared(state): Shared<State>,
    _: Manage,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let removed = state.config.remove::<Target>(&name).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(unknown(Target::KIND, &name)) }
}

impl NewTarget {
    /// The target, or everything that is wrong with it.
    fn check(self, created_at: Timestamp) -> Result<Target, Problem> {
        let mut violations = Violations::default();
        violations.check_name(&self.name);
        let address = check_address(&self.address, &mut violations);
        let retry_count = self.retry_count.unwrap_or(DEFAULT_RETRY_COUNT);
        if !(1..=MAX_RETRY_COUNT).contains(&retry_count) {
            violations.add("retry_count", "minimum", format!("expected a number from 1 to {MAX_RETRY_COUNT}"));
        }
        let retry_timeout = check_wait(self.retry_timeout.as_deref(), &mut violations);
        if retry_timeout.is_some_and(|wait| wait.saturating_mul(retry_count) > MAX_WAITS) {
            violations.add(
                "retry_timeout",
                "maximum",
                "expected all waits together (retry_count times retry_timeout) to be at most 9 days",
            );
        }
        if self.scopes.as_ref().is_some_and(Vec::is_empty) {
            violations.add("scopes", "minItems", "expected at least one scope: without any, no event would pass");
        }
        if self.events.len() > MAX_EVENTS || self.events.iter().any(|name| !(1..=MAX_EVENT).contains(&name.len())) {
            let message = format!("expected at most {MAX_EVENTS} types of 1 to {MAX_EVENT} characters");
            violations.add("events", "maxItems", message);
        }
        let signing_secret = match self.signing_secret {
            None => generate_secret()?,
            Some(secret) => check_secret(secret, &mut violations),
        };
        violations.into_result()?;
        // Both are there: what is missing is a violation.
        let (Some(address), Some(retry_timeout)) = (address, retry_timeout) else {
            return Err(Problem::new(Kind::Refused, "The address or the retry timeout is not valid"));
        };
        Ok(Target {
            name: self.name,
            address,
            level: self.level.unwrap_or(Level::Warn),
            scopes: self.scopes.unwrap_or_else(default_scopes),
            events: self.events,
            retry_count,
            retry_timeout,
            signing_secret,
            created_at,
        })
    }
}

fn default_scopes() -> Vec<Scope> {
    vec![Scope::Lifecycle, Scope::Logging]
}

fn check_address(address: &str, violations: &mut Violations) -> Option<Url> {
    let mut refuse = |message: &str| {
        violations.add("address", "format", message);
        None
    };
    if address.len() > MAX_ADDRESS {
        return refuse(&format!("expected at most {MAX_ADDRESS} characters"));
    }
    let Ok(url) = address.parse::<Url>() else {
        return refuse("expected a URL such as https://example.com/hook");
    };
    if !matches!(url.scheme(), "https" | "http") {
        return refuse("expected a URL that begins with https:// or http://");
    }
    if url.port() == Some(0) {
        return refuse("expected a port from 1 to 65535");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("expected no user name or password in the address");
    }
    Some(url)
}

fn check_wait(wait: Option<&str>, violations: &mut Violations) -> Option<Duration> {
    let wait = duration::parse(wait.unwrap_or(DEFAULT_RETRY_TIMEOUT)).filter(|wait| *wait <= MAX_RETRY_TIMEOUT);
    if wait.is_none() {
        violations.add("retry_timeout", "format", "expected a duration of at most 12h, such as 10s, 5m or 1h30m");
    }
    wait
}

/// Standard Webhooks: `whsec_` and 24 to 64 bytes in base64.
fn check_secret(secret: String, violations: &mut Violations) -> SigningSecret {
    let secret = SigningSecret::new(secret);
    if !secret.key().is_some_and(|key| (24..=64).contains(&key.len())) {
        violations.add(
            "signing_secret",
            "format",
            "expected `whsec_` and 24 to 64 bytes in base64; leave it out and one is made",
        );
    }
    secret
}

fn generate_secret() -> Result<SigningSecret, Problem> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| {
        tracing::error!(%error, "no randomness for a signing secret");
        Problem::new(Kind::Unavailable, "No signing secret could be made")
    })?;
    Ok(SigningSecret::new(format!("whsec_{}", STANDARD.encode(key))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(new: serde_json::Value) -> Result<Target, serde_json::Value> {
        let new: NewTarget = serde_json::from_value(new).unwrap();
        new.check(Timestamp::UNIX_EPOCH).map_err(|problem| problem.document())
    }

    #[test]
    fn a_name_and_an_address_are_enough() {
        let target = check(json!({ "name": "audit", "address": "https://example.com/hook" })).unwrap();
        assert_eq!((target.level, target.retry_count), (Level::Warn, 3));
        assert_eq!(target.scopes, [Scope::Lifecycle, Scope::Logging]);
        assert_eq!(target.signing_secret.key().unwrap().len(), 32);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let refused = check(json!({
            "name": "a b", "address": "ftp://example.com", "scopes": [], "retry_count": 0,
            "retry_timeout": "soon", "signing_secret": "whsec_c2hvcnQ=",
        }));
        let pointers: Vec<String> = refused.unwrap_err()["violations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v["pointer"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(pointers, ["/name", "/address", "/retry_count", "/retry_timeout", "/scopes", "/signing_secret"]);
    }

    #[test]
    fn addresses_that_cannot_be_posted_to_are_refused() {
        for address in [
            "",
            "example.com",
            "https://",
            "http://user:pw@example.com",
            "http://example.com:0",
            "http://example.com:70000",
        ] {
            assert!(check(json!({ "name": "a", "address": address })).is_err(), "{address}");
        }
    }
}
