//! Actions on a target: pause, resume, rotate the signing secret, test.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use events::{EventId, StrictJson};
use jiff::SignedDuration;
use model::defaults::{DEFAULT_REPLAY_RATE, MAX_PAUSE_REASON_CHARS};
use model::{
    Attempt, AuditEvent, DeliveryQuery, Pause, RecordedStatus, Replay, ReplayOf, ReplaySelection, ReplayState, Target,
    TargetState, duration, run_name_after,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::WriteOutcome;
use tokio::time::Instant;
use web::{Caller, Manage, Problem, ProblemType};
use webhook::SigningSecret;

use super::load::load_target;
use super::object_reader::read_as;
use super::problems::{changed_since, no_key, no_randomness};
use super::response::{TargetView, audit_view};
use super::{PauseRequest, validate};
use crate::State;
use crate::validation::Violations;

/// Period after a rotation in which the previous secret still signs, if the request does not set it.
const DEFAULT_OVERLAP: &str = "24h";

/// Maximum time that a test waits for its attempt.
const MAX_TEST_WAIT: Duration = Duration::from_secs(20);

/// Maximum number of held deliveries that are counted before a resume.
const MAX_COUNTED_HELD: usize = 100_000;

/// Parses an optional body. An empty body and null are the default.
fn optional<T: DeserializeOwned + Default>(body: &Bytes) -> Result<T, Problem> {
    const KIND: &str = "what this path takes";
    if body.is_empty() {
        return Ok(T::default());
    }
    // The error of `from_slice` contains a position, and no bytes of the body.
    let unread = |error| Problem::new(ProblemType::BadRequest, format!("The body does not read as {KIND}: {error}"));
    match serde_json::from_slice(body).map_err(unread)? {
        StrictJson(Value::Null) => Ok(T::default()),
        StrictJson(body) => read_as(KIND, body),
    }
}

/// `POST /v1/targets/{name}/pause`: new events are held.
pub(crate) async fn pause_target(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<TargetView>, Problem> {
    let request: PauseRequest = optional(&body)?;
    let mut violations = Violations::default();
    validate::length("reason", request.reason.as_deref(), MAX_PAUSE_REASON_CHARS, &mut violations);
    violations.into_result()?;
    load_target(&state, &name).await?;
    let reason = request.reason.unwrap_or_else(|| "no reason was given".to_owned());
    try_pause(&state, &caller, &name, reason).await?;
    let (target, target_state) = load_target(&state, &name).await?;
    Ok(Json(TargetView::new(target, target_state.as_ref())))
}

/// Pauses a target. A paused target keeps its reason.
pub(super) async fn try_pause(state: &State, caller: &Caller, name: &str, reason: String) -> Result<(), Problem> {
    let paused = Pause { since: (state.clock)(), reason, by: caller.key.clone() };
    let entry = AuditEvent {
        event_type: "target-paused",
        actor: &caller.key,
        subject: name,
        data: json!({ "reason": paused.reason, "since": paused.since }),
        previous: Value::Null,
    };
    let change = state.config.pause_write(name, &paused)?;
    state.events.write_audited(&entry, vec![change]).await?;
    Ok(())
}

/// A target that was resumed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Resumed {
    #[serde(flatten)]
    target: TargetView,
    /// Name of the replay that delivers the held events; null if the target was not paused.
    replay: Option<String>,
}

/// `POST /v1/targets/{name}/resume`: a replay delivers the held events.
pub(crate) async fn resume_target(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
) -> Result<Json<Resumed>, Problem> {
    let (target, target_state) = load_target(&state, &name).await?;
    let replay = try_resume(&state, &caller, &target, target_state.as_ref()).await?;
    let (target, target_state) = load_target(&state, &name).await?;
    Ok(Json(Resumed { target: TargetView::new(target, target_state.as_ref()), replay }))
}

/// Resumes a target. Returns the name of the replay that delivers the held events; `None` if it was not paused.
pub(super) async fn try_resume(
    state: &State,
    caller: &Caller,
    target: &Target,
    target_state: Option<&TargetState>,
) -> Result<Option<String>, Problem> {
    let name = &target.name;
    let Some(paused) = target_state.and_then(|target_state| target_state.pause.as_ref()) else { return Ok(None) };
    let now = (state.clock)();
    let held = state.deliveries.list(DeliveryQuery {
        target: name,
        since: Some(target.created_at),
        status: Some(RecordedStatus::Held),
        low: EventId::MIN,
        high: EventId::MAX,
        ascending: true,
        limit: MAX_COUNTED_HELD,
    });
    let (held, _) = held.await?;
    // A replay sends no delivery of a later run. The clock may have been set back since such a run was named.
    let latest_run = held.iter().filter_map(|delivery| delivery.run.as_deref());
    let latest_run = latest_run.chain(target_state.and_then(|target_state| target_state.resumed_by.as_deref())).max();
    let replay = Replay {
        name: run_name_after(now, latest_run),
        target: name.clone(),
        of: ReplayOf::Held,
        selection: ReplaySelection::default(),
        rate: DEFAULT_REPLAY_RATE,
        state: ReplayState::Running,
        total: u64::try_from(held.len()).unwrap_or(u64::MAX),
        sent: 0,
        cursor: None,
        page: Vec::new(),
        paged_at: None,
        pass_at: None,
        leased_until: None,
        created_at: now,
        created_by: caller.key.clone(),
        ended_at: None,
    };
    let entry = AuditEvent {
        event_type: "target-resumed",
        actor: &caller.key,
        subject: name,
        data: json!({ "replay": replay.name, "held": replay.total }),
        previous: json!({ "paused": paused }),
    };
    let changes =
        vec![state.config.resume_write(name, paused.since, &replay.name)?, state.config.create_write(&replay)?];
    match state.events.write_audited(&entry, changes).await? {
        WriteOutcome::Done(_) => Ok(Some(replay.name)),
        // A concurrent request has resumed the target.
        WriteOutcome::ConditionFailed(_) => Ok(None),
    }
}

/// Request to rotate the signing secret of a target.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Rotation {
    /// New secret: `whsec_` and 24 to 64 bytes in base64. Generated if omitted.
    #[schemars(regex(pattern = "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$"))]
    signing_secret: Option<String>,
    /// Period in which deliveries are signed with the previous and the new secret: `0s` to `720h`.
    #[schemars(extend("default" = DEFAULT_OVERLAP))]
    overlap: Option<String>,
}

/// `POST /v1/targets/{name}/rotate`. Only this response contains the new secret.
pub(crate) async fn rotate_target(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<TargetView>, Problem> {
    let rotation: Rotation = optional(&body)?;
    let mut violations = Violations::default();
    let limits = ["0s", "720h"];
    let overlap = validate::span("overlap", rotation.overlap.as_deref(), DEFAULT_OVERLAP, limits, &mut violations);
    let signing = match rotation.signing_secret {
        Some(secret) => validate::signing_secret("signing_secret", secret, &mut violations),
        None => SigningSecret::generate().ok(),
    };
    violations.into_result()?;
    let (Some(overlap), Some(signing)) = (overlap, signing) else { return Err(no_randomness()) };
    let (mut target, target_state) = load_target(&state, &name).await?;
    let version = target.version;
    let mut secrets = (*state.keyring.open(&name, &target.secrets).await.map_err(no_key)?).clone();
    secrets.previous_signing = Some(std::mem::replace(&mut secrets.signing, signing));
    let overlap = SignedDuration::try_from(overlap).unwrap_or_default();
    target.rotating_until = (state.clock)().checked_add(overlap).ok();
    target.secrets = state.keyring.seal(&name, &secrets).await.map_err(no_key)?;
    target.version += 1;
    let mut view = TargetView::new(target.clone(), target_state.as_ref());
    let entry = AuditEvent {
        event_type: "target-modified",
        actor: &caller.key,
        subject: &name,
        data: audit_view(target.clone(), target_state.as_ref()),
        previous: Value::Null,
    };
    let write = state.config.replace_target_write(&target, version)?;
    if let WriteOutcome::ConditionFailed(_) = state.events.write_audited(&entry, vec![write]).await? {
        return Err(changed_since());
    }
    view.signing_secret = Some(secrets.signing.reveal().to_owned());
    Ok(Json(view))
}

/// Result of a test.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Tested {
    /// Id of the test event.
    event: events::EventId,
    /// Status of its delivery.
    status: RecordedStatus,
    /// The attempt; null if it has not ended.
    attempt: Option<Attempt>,
}

/// `POST /v1/targets/{name}/test`: writes an event for this target only, which is delivered like other events.
pub(crate) async fn test_target(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<Tested>), Problem> {
    let (target, _) = load_target(&state, &name).await?;
    let entry = AuditEvent {
        event_type: "target-tested",
        actor: &caller.key,
        subject: &name,
        data: json!({ "timeout": duration::format(target.timeout) }),
        previous: Value::Null,
    };
    let WriteOutcome::Done(event) = state.events.write_audited(&entry, Vec::new()).await? else {
        return Err(Problem::new(ProblemType::Unavailable, "failed to write the test event: repeat the request"));
    };
    let deadline = Instant::now() + MAX_TEST_WAIT.min(target.timeout + Duration::from_secs(10));
    while Instant::now() < deadline {
        if let Some(delivery) = state.deliveries.get(event, &name).await?
            && let Some(attempt) = delivery.attempts.into_iter().next()
        {
            return Ok((StatusCode::OK, Json(Tested { event, status: delivery.status, attempt: Some(attempt) })));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok((StatusCode::ACCEPTED, Json(Tested { event, status: RecordedStatus::Waiting, attempt: None })))
}
