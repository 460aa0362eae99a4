//! What the API shows of a target: everything but its secrets.

use jiff::Timestamp;
use model::{Pause, PreviousFilter, Target, TargetState, duration};
use schemars::JsonSchema;
use serde::Serialize;
use url::Url;

/// A target without its secrets.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Target")]
pub(crate) struct TargetView {
    /// Its name.
    name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// What kind of target it is: `webhook`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Whether its events are delivered; where not, they are held.
    enabled: bool,
    /// Since when it is paused, and why; null where it is not.
    paused: Option<Pause>,
    /// Since when every attempt has failed; null where the last one succeeded.
    failing_since: Option<Timestamp>,
    /// Where its events are posted.
    address: Url,
    /// The user name of its Basic credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// Which secrets it has: `signing_secret`, `password`, `authorization`, and its headers as `headers.<name>`.
    secrets: Vec<String>,
    /// The certificates, in PEM, that its own must be signed by.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_cert: Option<String>,
    /// What it wants.
    #[serde(flatten)]
    wanted: WantedView,
    /// What it wanted before, the latest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wanted_before: Vec<FormerView>,
    /// How often a delivery is attempted.
    retry_count: u32,
    /// How long to wait between two attempts.
    retry_timeout: String,
    /// The waits between attempts, instead of those two.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_schedule: Option<Vec<String>>,
    /// How long an attempt may take.
    timeout: String,
    /// For how long it may fail without one success before it is paused.
    disable_after: String,
    /// The `content-type` of what is posted.
    content_type: String,
    /// The body as a Mustache template.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_template: Option<String>,
    /// Until when deliveries are also signed with the secret before the last rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    rotating_until: Option<Timestamp>,
    /// When it was created: events that were received earlier are not delivered to it.
    created_at: Timestamp,
    /// Shown in the answer that creates the target or rotates it, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signing_secret: Option<String>,
}

/// Which events a target wants.
#[derive(Debug, Serialize, JsonSchema)]
struct WantedView {
    /// The least severe log line that it wants; bounds `logging` events only.
    level: events::Level,
    /// The scopes that it wants.
    scopes: Vec<events::Scope>,
    /// The sources that it wants; empty means every source but Tidings itself.
    sources: Vec<String>,
    /// The types that it wants; empty means every type.
    events: Vec<String>,
    /// The projects that it wants; empty means every project.
    projects: Vec<String>,
    /// The environments that it wants; empty means every environment.
    environments: Vec<String>,
    /// Whether events of no project, or no environment, pass those two filters.
    include_unscoped: bool,
}

/// Which events a target wanted before a change.
#[derive(Debug, Serialize, JsonSchema)]
struct FormerView {
    /// Since when.
    since: Timestamp,
    /// What.
    #[serde(flatten)]
    wanted: WantedView,
}

/// Every target.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TargetList {
    /// By name.
    pub(super) targets: Vec<TargetView>,
}

impl TargetView {
    /// What is shown of a target, and of how it is doing.
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

impl From<model::EventFilter> for WantedView {
    fn from(wanted: model::EventFilter) -> Self {
        let model::EventFilter { level, scopes, sources, events, projects, environments, include_unscoped } = wanted;
        Self { level, scopes, sources, events, projects, environments, include_unscoped }
    }
}

impl From<PreviousFilter> for FormerView {
    fn from(former: PreviousFilter) -> Self {
        Self { since: former.since, wanted: former.filter.into() }
    }
}
