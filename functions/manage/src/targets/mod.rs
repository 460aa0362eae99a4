//! `/v1/targets`: webhook receivers.

mod actions;
mod create;
mod etag;
mod load;
mod log_target;
pub(crate) mod object_reader;
mod operations;
mod patch;
mod problems;
pub(crate) mod request;
mod response;
mod validate;

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::{AuditEvent, Record, Target, TargetState};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use store::WriteOutcome;
use web::{Manage, Problem};

pub(crate) use load::load_target;
pub(crate) use operations::register_routes;
pub(crate) use response::filter_warnings;

use actions::{Resumed, Rotation, Tested, pause_target, resume_target, rotate_target, test_target};
use create::{Created, NewTargets, create_target};
use patch::change_target;
use problems::changed_since;
use response::{TargetList, TargetView, audit_view};

use etag::{Condition, tagged};

use crate::State;
use crate::validation::not_found;

/// `GET /v1/targets`.
pub(crate) async fn list_targets(Shared(state): Shared<State>, _: Manage) -> Result<Json<TargetList>, Problem> {
    let (targets, states) = futures::try_join!(state.config.list::<Target>(), state.config.list::<TargetState>())?;
    let of = |target: &Target| states.iter().find(|state| state.name == target.name);
    let targets = targets.into_iter().map(|target| TargetView::new(target.clone(), of(&target))).collect();
    Ok(Json(TargetList { targets }))
}

/// `GET /v1/targets/{name}`.
pub(crate) async fn read_target(
    Shared(state): Shared<State>,
    _: Manage,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let (target, target_state) = load_target(&state, &name).await?;
    Ok(tagged(target, target_state.as_ref()))
}

/// `DELETE /v1/targets/{name}`: its unfinished deliveries fail.
pub(crate) async fn remove_target(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let (target, target_state) = load_target(&state, &name).await?;
    let condition = Condition::of(&headers);
    condition.check(&target, target_state.as_ref())?;
    let removing = if condition.names_one() {
        state.config.remove_target_write(&target)?
    } else {
        state.config.remove_write::<Target>(&name, true)?
    };
    let entry = AuditEvent {
        event_type: "target-removed",
        actor: &caller.key,
        subject: &name,
        data: Value::Null,
        previous: audit_view(target, target_state.as_ref()),
    };
    let changes = vec![removing, state.config.remove_write::<TargetState>(&name, false)?];
    match state.events.write_audited(&entry, changes).await? {
        WriteOutcome::Done(_) => Ok(StatusCode::NO_CONTENT),
        WriteOutcome::ConditionFailed(_) if condition.names_one() => Err(changed_since()),
        WriteOutcome::ConditionFailed(_) => Err(not_found(Target::KIND, &name)),
    }
}

/// Request to pause a target.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "Why")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PauseRequest {
    /// Reason of the pause, shown with the target.
    #[schemars(length(max = model::defaults::MAX_PAUSE_REASON_CHARS))]
    pub(crate) reason: Option<String>,
}
