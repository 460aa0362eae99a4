//! What a target is set up from, and everything that can be wrong with it.

use std::collections::BTreeMap;
use std::time::Duration;

use events::{Level, Scope};
use jiff::Timestamp;
use model::defaults::{
    DEFAULT_ATTEMPT_TIMEOUT, DEFAULT_CONTENT_TYPE, DEFAULT_DISABLE_AFTER, DEFAULT_RETRY_COUNT, DEFAULT_RETRY_INTERVAL,
    MAX_RETRY_COUNT,
};
use model::{EventFilter, RetryPolicy, SealedSecrets, Target, duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use webhook::{Secrets, SigningSecret};

use super::validate::{self, MAX_ADDRESS, MAX_LIST, MAX_TEXT, MAX_VALUE};
use crate::validation::{self, Violations};

/// The expected content of a body, for error messages.
pub(crate) const TARGET_BODY: &str = "a target";

/// All the waits of a delivery together: the queue keeps a message for ten days.
const MAX_WAITS: Duration = Duration::from_hours(9 * 24);

/// The most bytes of a target's texts together: an item of DynamoDB has 400 KB, secrets are larger when they are sealed.
pub(super) const MAX_BYTES: usize = 300_000;

/// What a target is set up from, of 300,000 bytes at most. An empty text is the same as none, as Migration Manager
/// writes it.
#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTarget {
    /// Its name, which no other target has.
    #[schemars(length(max = validation::MAX), regex(pattern = validation::TARGET_PATTERN))]
    pub(super) name: String,
    /// What it is for.
    #[schemars(length(max = 1000))]
    pub(super) description: Option<String>,
    /// What kind of target it is: there is one.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["webhook"], "default" = "webhook"))]
    pub(super) kind: Option<String>,
    /// Whether its events are delivered; where not, it is created paused, and they are held.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Where its events are posted: `https` or `http`, without a user name or password. Private
    /// networks are not dialled, unless the deployment allows them.
    #[schemars(url, length(max = MAX_ADDRESS), regex(pattern = r"^[Hh][Tt][Tt][Pp][Ss]?://[^/\\]"))]
    pub(super) address: String,
    /// The user name of Basic credentials, without `:` and control characters.
    #[schemars(length(max = MAX_VALUE))]
    pub(super) username: Option<String>,
    /// Their password, without control characters. Never shown.
    #[schemars(length(max = MAX_VALUE))]
    pub(super) password: Option<String>,
    /// An `authorization` header, instead of those. Never shown.
    #[schemars(length(max = MAX_TEXT))]
    pub(super) authorization: Option<String>,
    /// Headers of its own, at most 20. Their values are never shown.
    pub(super) headers: Option<BTreeMap<String, String>>,
    /// Certificates in PEM: the target's own must be signed by one of them, instead of by those that everybody
    /// trusts. Nothing else, private keys above all, may stand beside them. At most 64 KiB in UTF-8.
    #[schemars(length(max = validate::MAX_CA_CERT))]
    pub(super) ca_cert: Option<String>,
    /// The least severe log line that it wants, in upper or lower case; bounds `logging` events only.
    #[schemars(with = "Option<Level>", extend("default" = "WARN"))]
    pub(super) level: Option<String>,
    /// The scopes that it wants; empty means the default ones.
    #[schemars(with = "Option<Vec<Scope>>", extend("default" = ["lifecycle", "logging"]))]
    pub(super) scopes: Option<Vec<String>>,
    /// The sources that it wants; empty means every source but Tidings itself.
    #[schemars(length(max = MAX_LIST), inner(length(min = 1, max = MAX_VALUE)))]
    pub(super) sources: Option<Vec<String>>,
    /// The types that it wants; empty means every type.
    #[schemars(length(max = MAX_LIST), inner(length(min = 1, max = MAX_VALUE)))]
    pub(super) events: Option<Vec<String>>,
    /// The projects that it wants; empty means every project.
    #[schemars(length(max = MAX_LIST), inner(length(min = 1, max = MAX_VALUE)))]
    pub(super) projects: Option<Vec<String>>,
    /// The environments that it wants; empty means every environment.
    #[schemars(length(max = MAX_LIST), inner(length(min = 1, max = MAX_VALUE)))]
    pub(super) environments: Option<Vec<String>>,
    /// Whether events of no project, or no environment, pass those two filters.
    #[schemars(extend("default" = true))]
    pub(super) include_unscoped: Option<bool>,
    /// How often a delivery is attempted.
    #[schemars(range(min = 1, max = MAX_RETRY_COUNT), extend("default" = DEFAULT_RETRY_COUNT))]
    pub(super) retry_count: Option<u32>,
    /// How long to wait between two attempts, such as `10s`, `5m` or `1h30m`; all waits together at most 9 days.
    #[schemars(extend("default" = DEFAULT_RETRY_INTERVAL))]
    pub(super) retry_timeout: Option<String>,
    /// The waits between attempts, one after the other, instead of those two: with `["5s", "5m", "1h"]` there are
    /// four attempts.
    #[schemars(length(min = 1, max = MAX_RETRY_COUNT))]
    pub(super) retry_schedule: Option<Vec<String>>,
    /// How long an attempt may take, from the look-up of the name to the end of the answer: `1s` to `30s`.
    #[schemars(extend("default" = DEFAULT_ATTEMPT_TIMEOUT))]
    pub(super) timeout: Option<String>,
    /// For how long it may fail without one success before it is paused: `1s` to `8760h`.
    #[schemars(extend("default" = DEFAULT_DISABLE_AFTER))]
    pub(super) disable_after: Option<String>,
    /// The `content-type` of what is posted.
    #[schemars(length(max = MAX_VALUE), extend("default" = DEFAULT_CONTENT_TYPE))]
    pub(super) content_type: Option<String>,
    /// The body as a Mustache template of `event` (the payload), `eventJson` (its text) and `eventMarkdown` (a
    /// sentence); the payload itself, byte for byte, where there is none. `{{ }}` is escaped for what `content_type` says,
    /// `{{{ }}}` is not. At most 64 KiB in UTF-8.
    #[schemars(length(max = validate::MAX_TEMPLATE))]
    pub(super) body_template: Option<String>,
    /// What its deliveries are signed with: `whsec_` and 24 to 64 bytes in base64. One is made where
    /// it is left out.
    #[schemars(regex(pattern = "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$"))]
    pub(super) signing_secret: Option<String>,
}

/// A definition that nothing is wrong with.
pub(crate) struct Checked {
    /// The target, its secrets not sealed yet.
    pub(crate) target: Target,
    /// Those secrets.
    pub(crate) secrets: Secrets,
    /// Whether it is to be paused.
    pub(crate) enabled: bool,
}

impl NewTarget {
    /// The definition of a target that there is, secrets and all.
    pub(super) fn of(target: &Target, secrets: &Secrets) -> Self {
        let Target { filter, retry, .. } = target;
        let list = |values: &[String]| Some(values.to_vec());
        let waits = |waits: &Vec<Duration>| waits.iter().map(|wait| duration::format(*wait)).collect();
        Self {
            name: target.name.clone(),
            description: target.description.clone(),
            kind: None,
            enabled: None,
            address: target.address.to_string(),
            username: target.username.clone(),
            password: secrets.password.clone(),
            authorization: secrets.authorization.clone(),
            headers: Some(secrets.headers.clone()),
            ca_cert: target.ca_cert.clone(),
            level: Some(filter.level.to_string()),
            scopes: Some(filter.scopes.iter().map(Scope::to_string).collect()),
            sources: list(&filter.sources),
            events: list(&filter.events),
            projects: list(&filter.projects),
            environments: list(&filter.environments),
            include_unscoped: Some(filter.include_unscoped),
            retry_count: Some(retry.count),
            retry_timeout: Some(duration::format(retry.timeout)),
            retry_schedule: retry.schedule.as_ref().map(waits),
            timeout: Some(duration::format(target.timeout)),
            disable_after: Some(duration::format(target.disable_after)),
            content_type: Some(target.content_type.clone()),
            body_template: target.body_template.clone(),
            signing_secret: Some(secrets.signing.reveal().to_owned()),
        }
    }

    /// The target, or everything that is wrong with it.
    pub(crate) fn check(self, now: Timestamp, violations: &mut Violations) -> Option<Checked> {
        violations.check_target_name(&self.name);
        if text_bytes(&json!(self)) > MAX_BYTES {
            violations.add("", "maxLength", format!("expected at most {MAX_BYTES} bytes together"));
        }
        if self.name == "preview" {
            violations.add("name", "not", "expected another name: this one stands for a path of the API");
        }
        if self.kind.as_deref().is_some_and(|kind| !matches!(kind, "" | "webhook")) {
            violations.add("type", "const", "expected \"webhook\": there is no other type of target");
        }
        let address = validate::address(&self.address, violations);
        let (retry, filter) = (self.retry(violations), self.wanted(violations));
        let timeout =
            validate::span("timeout", self.timeout.as_deref(), DEFAULT_ATTEMPT_TIMEOUT, ["1s", "30s"], violations);
        let limits = ["1s", "8760h"];
        let disable_after = self.disable_after.as_deref();
        let disable_after = validate::span("disable_after", disable_after, DEFAULT_DISABLE_AFTER, limits, violations);
        let content_type = self.content_type.clone().filter(|value| !value.is_empty());
        let content_type = content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned());
        validate::content_type(&content_type, violations);
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (body_template, ca_cert) = (given(&self.body_template), given(&self.ca_cert));
        validate::template(body_template.as_deref(), violations);
        validate::ca_cert(ca_cert.as_deref(), violations);
        let (username, secrets) = (given(&self.username), self.secrets(violations));
        let description = given(&self.description);
        validate::length("description", description.as_deref(), 1000, violations);
        if !violations.is_empty() {
            return None;
        }
        let (address, retry, timeout, disable_after, secrets) = (address?, retry?, timeout?, disable_after?, secrets?);
        let target = Target {
            name: self.name,
            description,
            address,
            filter,
            filter_since: now,
            previous_filters: Vec::new(),
            retry,
            timeout,
            disable_after,
            content_type,
            body_template,
            username,
            headers: secrets.headers.keys().cloned().collect(),
            has_password: secrets.password.is_some(),
            has_authorization: secrets.authorization.is_some(),
            ca_cert,
            secrets: SealedSecrets(Vec::new()),
            rotating_until: None,
            created_at: now,
            version: 1,
        };
        Some(Checked { target, secrets, enabled: self.enabled.unwrap_or(true) })
    }

    fn retry(&self, violations: &mut Violations) -> Option<RetryPolicy> {
        let count = self.retry_count.unwrap_or(DEFAULT_RETRY_COUNT);
        if !(1..=MAX_RETRY_COUNT).contains(&count) {
            let keyword = if count == 0 { "minimum" } else { "maximum" };
            violations.add("retry_count", keyword, format!("expected a whole number from 1 to {MAX_RETRY_COUNT}"));
        }
        let limits = ["0s", "216h"];
        let timeout =
            validate::span("retry_timeout", self.retry_timeout.as_deref(), DEFAULT_RETRY_INTERVAL, limits, violations)?;
        let schedule = match &self.retry_schedule {
            None => None,
            Some(waits) => Some(validate::schedule(waits, usize::try_from(MAX_RETRY_COUNT).ok()?, violations)?),
        };
        let field = if schedule.is_some() { "retry_schedule" } else { "retry_timeout" };
        let retry = RetryPolicy { count, timeout, schedule };
        if retry.total_delay() > MAX_WAITS {
            violations.add(field, "maximum", "expected all waits of a delivery together to be at most 9 days");
        }
        Some(retry)
    }

    fn wanted(&self, violations: &mut Violations) -> EventFilter {
        let list = |field: &str, values: &Option<Vec<String>>, violations: &mut Violations| {
            let values = values.clone().unwrap_or_default();
            validate::list(field, &values, violations);
            values
        };
        let default = EventFilter::default();
        EventFilter {
            level: validate::level(self.level.as_deref(), violations).unwrap_or(default.level),
            scopes: validate::scopes(self.scopes.as_deref(), violations).unwrap_or(default.scopes),
            sources: list("sources", &self.sources, violations),
            events: list("events", &self.events, violations),
            projects: list("projects", &self.projects, violations),
            environments: list("environments", &self.environments, violations),
            include_unscoped: self.include_unscoped.unwrap_or(default.include_unscoped),
        }
    }

    fn secrets(&self, violations: &mut Violations) -> Option<Secrets> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (username, password) = (given(&self.username), given(&self.password));
        let authorization = given(&self.authorization);
        if username.as_ref().is_some_and(|name| name.contains(':')) {
            violations.add("username", "pattern", "expected no `:` in it: Basic credentials end the name there");
        }
        for (field, value) in [("username", &username), ("password", &password)] {
            if value.as_ref().is_some_and(|value| value.contains(char::is_control)) {
                violations.add(field, "pattern", "expected no line breaks or other control characters in it");
            }
        }
        if password.is_some() && username.is_none() {
            violations.add("username", "required", "expected a user name with the password");
        }
        if authorization.is_some() && username.is_some() {
            violations.add("authorization", "not", "expected either a user name or an authorization, not both");
        }
        for (field, value) in [("username", &username), ("password", &password), ("authorization", &authorization)] {
            let most = if field == "authorization" { MAX_TEXT } else { MAX_VALUE };
            validate::length(field, value.as_deref(), most, violations);
        }
        validate::header_value("authorization", authorization.as_deref(), violations);
        let headers = validate::headers(self.headers.clone().unwrap_or_default(), violations);
        let signing = match given(&self.signing_secret) {
            Some(secret) => validate::signing_secret("signing_secret", secret, violations),
            None => SigningSecret::generate().ok(),
        };
        Some(Secrets { signing: signing?, previous_signing: None, password, authorization, headers })
    }
}

/// The bytes of all texts in a value.
pub(super) fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(text_bytes).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + text_bytes(value)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
