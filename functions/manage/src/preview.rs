//! What a target would have got: its filters held against the last 24 hours.

use axum::Json;
use axum::extract::{Path, State as Shared};
use jiff::SignedDuration;
use model::{EventFilter, SearchFilter};
use web::{Manage, Problem};

use crate::State;
use crate::replays::{Matching, matching};
use crate::targets::{self, NewTarget};
use crate::validation::Violations;

/// How far back a preview looks.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Of a target that is not there yet.
pub(crate) async fn preview_definition(state: &State, new: NewTarget) -> Result<Json<Matching>, Problem> {
    let mut violations = Violations::default();
    let checked = new.check((state.clock)(), &mut violations);
    violations.into_result()?;
    let wanted = checked.map(|checked| checked.target.filter).unwrap_or_default();
    Ok(Json(preview(state, &wanted).await?))
}

/// `POST /v1/targets/{name}/preview`: of a target that there is.
pub(crate) async fn preview_target(
    Shared(state): Shared<State>,
    _: Manage,
    Path(name): Path<String>,
) -> Result<Json<Matching>, Problem> {
    let (target, _) = targets::get(&state, &name).await?;
    Ok(Json(preview(&state, &target.filter).await?))
}

async fn preview(state: &State, wanted: &EventFilter) -> Result<Matching, Problem> {
    let now = (state.clock)();
    let filter =
        SearchFilter { conditions: wanted.conditions(), from: now.checked_sub(DAY).ok(), ..SearchFilter::default() };
    matching(state, filter).await
}
