//! Representations of targets in responses, without secrets.

use jiff::Timestamp;
use model::{EventFilter, Pause, PreviousFilter, Target, TargetState, duration};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;
use webhook::{mask_address, mask_text};

/// A target without its secrets.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Target")]
pub(crate) struct TargetView {
    /// Name of the target.
    name: String,
    /// Description for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Type of the target: `webhook`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// False if the target is paused and its events are held.
    enabled: bool,
    /// Pause of the target; null if it is not paused.
    paused: Option<Pause>,
    /// Time since which every attempt has failed; null if the last attempt succeeded.
    failing_since: Option<Timestamp>,
    /// URL to which events are posted.
    address: Url,
    /// User name of Basic credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// Names of the secrets that are set: `signing_secret`, `password`, `authorization`, and headers as `headers.<name>`.
    secrets: Vec<String>,
    /// Trusted certificates, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_cert: Option<String>,
    /// Filters of the target.
    #[serde(flatten)]
    wanted: WantedView,
    /// Previous filters, latest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wanted_before: Vec<FormerView>,
    /// Maximum number of attempts of a delivery.
    retry_count: u32,
    /// Time between two attempts.
    retry_timeout: String,
    /// Times between consecutive attempts, instead of `retry_count` and `retry_timeout`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_schedule: Option<Vec<String>>,
    /// Maximum duration of an attempt.
    timeout: String,
    /// Time without a success after which the failing target is paused.
    disable_after: String,
    /// `content-type` of the posted body.
    content_type: String,
    /// Mustache template of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_template: Option<String>,
    /// End of the period in which deliveries are also signed with the previous secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    rotating_until: Option<Timestamp>,
    /// Time at which the target was created. Events that were received earlier are not delivered.
    created_at: Timestamp,
    /// Advice about filters that may match no event, such as a type that no catalog has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// Signing secret. Only the responses to creation and rotation contain it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signing_secret: Option<String>,
}

/// Filters of a target.
#[derive(Debug, Serialize, JsonSchema)]
struct WantedView {
    /// Minimum log level. Only applies to `logging` events.
    level: events::Level,
    /// Scopes of the delivered events.
    scopes: Vec<events::Scope>,
    /// Sources of the delivered events; empty for every source except `tidings`.
    sources: Vec<String>,
    /// Types of the delivered events; empty for every type.
    events: Vec<String>,
    /// Projects of the delivered events; empty for every project.
    projects: Vec<String>,
    /// Environments of the delivered events; empty for every environment.
    environments: Vec<String>,
    /// If true, events without a project or environment pass the `projects` and `environments` filters.
    include_unscoped: bool,
}

/// Filters of a target before a change.
#[derive(Debug, Serialize, JsonSchema)]
struct FormerView {
    /// Time since which they applied.
    since: Timestamp,
    /// The filters.
    #[serde(flatten)]
    wanted: WantedView,
}

/// The list of all targets.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TargetList {
    /// The targets, sorted by name.
    pub(super) targets: Vec<TargetView>,
}

impl TargetView {
    /// Returns the representation of a target and its state.
    pub(super) fn new(target: Target, state: Option<&TargetState>) -> Self {
        let secrets = [(true, "signing_secret"), (target.has_password, "password")]
            .into_iter()
            .chain([(target.has_authorization, "authorization")])
            .filter(|(has, _)| *has)
            .map(|(_, name)| name.to_owned())
            .chain(target.headers.iter().map(|name| format!("headers.{name}")))
            .collect();
        let paused = state.and_then(|state| state.pause.clone());
        Self {
            name: target.name,
            description: target.description,
            kind: "webhook",
            enabled: paused.is_none(),
            paused,
            warnings: filter_warnings(&target.filter),
            failing_since: state.and_then(|state| state.failing_since),
            address: target.address,
            username: target.username,
            secrets,
            ca_cert: target.ca_cert,
            wanted: target.filter.into(),
            wanted_before: target.previous_filters.into_iter().map(FormerView::from).collect(),
            retry_count: target.retry.count,
            retry_timeout: duration::format(target.retry.timeout),
            retry_schedule: target.retry.schedule.map(|all| all.into_iter().map(duration::format).collect()),
            timeout: duration::format(target.timeout),
            disable_after: duration::format(target.disable_after),
            content_type: target.content_type,
            body_template: target.body_template,
            rotating_until: target.rotating_until,
            created_at: target.created_at,
            signing_secret: None,
        }
    }
}

/// Returns the representation of a target in audit events, which every read key can read, and which are never removed.
/// The path and the query of an address, and the literal text of a template, are the credentials of many receivers, such as
/// Slack, Teams, Discord, Telegram and `PagerDuty`. They are replaced by hashes, which show that they were changed.
pub(super) fn audit_view(target: Target, state: Option<&TargetState>) -> Value {
    // Warnings are advice for the caller, not part of the configuration.
    let masked_address = mask_address(&target.address);
    let masked_template = target.body_template.as_deref().map(mask_text);
    let mut view = json!(TargetView::new(target, state));
    view["address"] = json!(masked_address);
    if let Some(fields) = view.as_object_mut() {
        fields.remove("warnings");
    }
    if let Some(template) = masked_template {
        view["body_template"] = json!(template);
    }
    view
}

/// Returns advice about a filter that may match no event.
pub(crate) fn filter_warnings(filter: &EventFilter) -> Vec<String> {
    let has_type = |name: &str| events::catalogs().any(|catalog| catalog.types().any(|known| known.name == name));
    let unknown = filter.events.iter().filter(|name| !has_type(name)).map(|name| {
        format!("no catalog has the event type {name:?}: check its spelling, unless a source sends types of its own")
    });
    unknown.collect()
}

impl From<EventFilter> for WantedView {
    fn from(wanted: EventFilter) -> Self {
        let EventFilter { level, scopes, sources, events, projects, environments, include_unscoped } = wanted;
        Self { level, scopes, sources, events, projects, environments, include_unscoped }
    }
}

impl From<PreviousFilter> for FormerView {
    fn from(former: PreviousFilter) -> Self {
        Self { since: former.since, wanted: former.filter.into() }
    }
}
