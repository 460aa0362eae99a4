//! Definitions of targets and their validation.

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

use super::log_target;
use super::validate::{self, MAX_ADDRESS_CHARS, MAX_FILTER_VALUES, MAX_HEADER_VALUE_CHARS, MAX_VALUE_CHARS};
use crate::validation::{self, Violations};

/// Expected content of a body, for error messages.
pub(crate) const TARGET_BODY: &str = "a target";

/// Maximum sum of the delays of a delivery. The queue keeps a message for ten days.
const MAX_TOTAL_DELAY: Duration = Duration::from_hours(9 * 24);

/// Maximum bytes of all texts of a target. An item of DynamoDB has at most 400 KB, and sealed secrets are larger.
pub(super) const MAX_TARGET_BYTES: usize = 300_000;

/// Definition of a target, with at most 300,000 bytes. An empty text is the same as an omitted field, as in Migration
/// Manager.
#[derive(Debug, Default, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTarget {
    /// Unique name of the target.
    #[schemars(length(max = validation::MAX_NAME_CHARS), regex(pattern = validation::TARGET_NAME_PATTERN))]
    pub(super) name: String,
    /// Description for people.
    #[schemars(length(max = 1000))]
    pub(super) description: Option<String>,
    /// Type of the target. The only type is `webhook`.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["webhook"], "default" = "webhook"))]
    pub(super) kind: Option<String>,
    /// If false, the target is created paused, and its events are held.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// URL to which events are posted: `https` or `http`. Credentials in it (`https://user:password@host`) are stored as
    /// `username` and `password`. Addresses in private networks are rejected, unless the deployment allows them.
    #[schemars(url, length(max = MAX_ADDRESS_CHARS), regex(pattern = r"^[Hh][Tt][Tt][Pp][Ss]?://[^/\\]"))]
    pub(super) address: String,
    /// User name of Basic credentials, without `:` and control characters.
    #[schemars(length(max = MAX_VALUE_CHARS))]
    pub(super) username: Option<String>,
    /// Password of Basic credentials, without control characters. Never shown.
    #[schemars(length(max = MAX_VALUE_CHARS))]
    pub(super) password: Option<String>,
    /// Value of the `authorization` header, instead of Basic credentials. Never shown.
    #[schemars(length(max = MAX_HEADER_VALUE_CHARS))]
    pub(super) authorization: Option<String>,
    /// Additional headers, at most 20. Their values are never shown.
    pub(super) headers: Option<BTreeMap<String, String>>,
    /// Trusted certificates in PEM, which replace the public certificate authorities for this target. Other content, such
    /// as a private key, is rejected. At most 64 KiB in UTF-8.
    #[schemars(length(max = validate::MAX_CA_CERT_BYTES))]
    pub(super) ca_cert: Option<String>,
    /// Minimum log level, in upper or lower case. Only applies to `logging` events.
    #[schemars(with = "Option<Level>", extend("default" = "WARN"))]
    pub(super) level: Option<String>,
    /// Scopes of the delivered events; empty for the default scopes.
    #[schemars(with = "Option<Vec<Scope>>", extend("default" = ["lifecycle", "logging"]))]
    pub(super) scopes: Option<Vec<String>>,
    /// Sources of the delivered events; empty, or `*` alone, for every source except `tidings`.
    #[schemars(length(max = MAX_FILTER_VALUES), inner(length(min = 1, max = MAX_VALUE_CHARS)))]
    pub(super) sources: Option<Vec<String>>,
    /// Types of the delivered events; empty, or `*` alone, for every type. Patterns are not supported.
    #[schemars(length(max = MAX_FILTER_VALUES), inner(length(min = 1, max = MAX_VALUE_CHARS)))]
    pub(super) events: Option<Vec<String>>,
    /// Types of the delivered `lifecycle` events, as in Migration Manager's log targets; `logging` events are not affected.
    /// It is stored as `events`, and cannot be combined with it.
    #[schemars(length(max = MAX_FILTER_VALUES), inner(length(min = 1, max = MAX_VALUE_CHARS)))]
    #[serde(skip_serializing)]
    pub(super) lifecycle_actions: Option<Vec<String>>,
    /// Projects of the delivered events; empty, or `*` alone, for every project.
    #[schemars(length(max = MAX_FILTER_VALUES), inner(length(min = 1, max = MAX_VALUE_CHARS)))]
    pub(super) projects: Option<Vec<String>>,
    /// Environments of the delivered events; empty, or `*` alone, for every environment.
    #[schemars(length(max = MAX_FILTER_VALUES), inner(length(min = 1, max = MAX_VALUE_CHARS)))]
    pub(super) environments: Option<Vec<String>>,
    /// If true, events without a project or environment pass the `projects` and `environments` filters.
    #[schemars(extend("default" = true))]
    pub(super) include_unscoped: Option<bool>,
    /// Maximum number of attempts of a delivery. 0 means the default, as in Migration Manager; `retry_timeout` of `0s` then
    /// does as well.
    #[schemars(range(min = 0, max = MAX_RETRY_COUNT), extend("default" = DEFAULT_RETRY_COUNT))]
    pub(super) retry_count: Option<u32>,
    /// Time between two attempts, such as `10s`, `5m` or `1h30m`. All delays of a delivery have at most 9 days.
    #[schemars(extend("default" = DEFAULT_RETRY_INTERVAL))]
    pub(super) retry_timeout: Option<String>,
    /// Times between consecutive attempts, instead of `retry_count` and `retry_timeout`. With `["5s", "5m", "1h"]`, there
    /// are four attempts.
    #[schemars(length(min = 1, max = MAX_RETRY_COUNT))]
    pub(super) retry_schedule: Option<Vec<String>>,
    /// Maximum duration of an attempt, from the DNS lookup to the end of the response: `1s` to `30s`.
    #[schemars(extend("default" = DEFAULT_ATTEMPT_TIMEOUT))]
    pub(super) timeout: Option<String>,
    /// Time without a success after which the failing target is paused: `1s` to `8760h`.
    #[schemars(extend("default" = DEFAULT_DISABLE_AFTER))]
    pub(super) disable_after: Option<String>,
    /// `content-type` of the posted body.
    #[schemars(length(max = MAX_VALUE_CHARS), extend("default" = DEFAULT_CONTENT_TYPE))]
    pub(super) content_type: Option<String>,
    /// Mustache template of the body, with `event` (the payload), `eventJson` (its text) and `eventMarkdown` (a sentence).
    /// Without a template, the body is the unchanged payload. `{{ }}` is escaped according to `content_type`; `{{{ }}}` is
    /// not. At most 64 KiB in UTF-8.
    #[schemars(length(max = validate::MAX_TEMPLATE_BYTES))]
    pub(super) body_template: Option<String>,
    /// Secret that signs the deliveries: `whsec_` and 24 to 64 bytes in base64. Generated if omitted.
    #[schemars(regex(pattern = "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$"))]
    pub(super) signing_secret: Option<String>,
}

/// A validated definition of a target.
pub(crate) struct ValidatedTarget {
    /// The target without its sealed secrets.
    pub(crate) target: Target,
    /// The secrets of the target, to be sealed.
    pub(crate) secrets: Secrets,
    /// If false, the target is created paused.
    pub(crate) enabled: bool,
}

impl NewTarget {
    /// Returns the definition of an existing target, including its secrets.
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
            lifecycle_actions: None,
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

    /// Returns the target, or adds its violations. `https_only` rejects addresses without TLS.
    pub(crate) fn check(
        mut self,
        now: Timestamp,
        https_only: bool,
        violations: &mut Violations,
    ) -> Option<ValidatedTarget> {
        self.convert_log_target(violations);
        violations.check_target_name(&self.name);
        if text_bytes(&json!(self)) > MAX_TARGET_BYTES {
            violations.add("", "maxLength", format!("expected at most {MAX_TARGET_BYTES} bytes together"));
        }
        if self.name == "preview" {
            violations.add("name", "not", "expected another name: this one is a path of the API");
        }
        if self.kind.as_deref().is_some_and(|kind| !matches!(kind, "" | "webhook")) {
            violations.add("type", "const", "expected \"webhook\": there is no other type of target");
        }
        let address = validate::address(&self.address, violations);
        if https_only && address.as_ref().is_some_and(|address| address.scheme() == "http") {
            violations.add("address", "pattern", "expected an https address: this deployment requires TLS");
        }
        let (retry, filter) = (self.retry(violations), self.filter(violations));
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
        Some(ValidatedTarget { target, secrets, enabled: self.enabled.unwrap_or(true) })
    }

    /// Converts the forms of Migration Manager's log targets: credentials in the address, actions of lifecycle events, and
    /// Go's zero values for the defaults.
    fn convert_log_target(&mut self, violations: &mut Violations) {
        if let Some((address, username, password)) = log_target::split_credentials(&self.address) {
            let is_empty = |field: &Option<String>| field.as_ref().is_none_or(String::is_empty);
            if is_empty(&self.username) && is_empty(&self.password) {
                (self.address, self.username, self.password) = (address, Some(username), Some(password));
            } else {
                let message = "expected credentials either in the address, or in `username` and `password`";
                violations.add("address", "not", message);
            }
        }
        if self.retry_count == Some(0) {
            self.retry_count = None;
            self.retry_timeout = self.retry_timeout.take().filter(|timeout| !matches!(timeout.as_str(), "0" | "0s"));
        }
        let actions = self.lifecycle_actions.take().filter(|actions| !actions.is_empty());
        if let Some(actions) = actions {
            if self.events.as_ref().is_some_and(|events| !events.is_empty()) {
                violations.add("lifecycle_actions", "not", "expected either `events` or `lifecycle_actions`, not both");
            }
            self.events = Some(log_target::event_types(actions));
        }
    }

    fn retry(&self, violations: &mut Violations) -> Option<RetryPolicy> {
        let count = self.retry_count.unwrap_or(DEFAULT_RETRY_COUNT);
        if !(1..=MAX_RETRY_COUNT).contains(&count) {
            violations.add("retry_count", "maximum", format!("expected a whole number from 1 to {MAX_RETRY_COUNT}"));
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
        if retry.total_delay() > MAX_TOTAL_DELAY {
            violations.add(field, "maximum", "expected all waits of a delivery together to be at most 9 days");
        }
        Some(retry)
    }

    fn filter(&self, violations: &mut Violations) -> EventFilter {
        let list = |field: &str, values: &Option<Vec<String>>, violations: &mut Violations| {
            validate::list(field, values.as_deref().unwrap_or_default(), violations)
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
            let most = if field == "authorization" { MAX_HEADER_VALUE_CHARS } else { MAX_VALUE_CHARS };
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

/// Returns the bytes of all texts in a value.
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
