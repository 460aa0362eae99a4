//! Previews of the events of the last 24 hours that a target's filters match.

use axum::Json;
use axum::extract::{Path, State as Shared};
use events::StrictJson;
use jiff::SignedDuration;
use model::{EventFilter, SearchFilter};
use web::{JsonBody, Manage, Problem};

use crate::State;
use crate::match_preview::{MatchPreview, preview_matches};
use crate::targets::load_target;
use crate::targets::object_reader::read_as;
use crate::targets::request::{NewTarget, TARGET_BODY};
use crate::validation::Violations;

/// Age of the oldest events of a preview.
const PREVIEW_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// `POST /v1/targets/preview`: previews a target before it is created. Invalid definitions have the same errors as on
/// creation.
pub(crate) async fn preview_new_target(
    Shared(state): Shared<State>,
    _: Manage,
    JsonBody(StrictJson(body)): JsonBody<StrictJson>,
) -> Result<Json<MatchPreview>, Problem> {
    let mut violations = Violations::default();
    let checked = read_as::<NewTarget>(TARGET_BODY, body)?.check((state.clock)(), state.https_only, &mut violations);
    violations.into_result()?;
    let filter = checked.map(|checked| checked.target.filter).unwrap_or_default();
    Ok(Json(preview_filter(&state, &filter).await?))
}

/// `POST /v1/targets/{name}/preview`: previews an existing target.
pub(crate) async fn preview_target(
    Shared(state): Shared<State>,
    _: Manage,
    Path(name): Path<String>,
) -> Result<Json<MatchPreview>, Problem> {
    let (target, _) = load_target(&state, &name).await?;
    Ok(Json(preview_filter(&state, &target.filter).await?))
}

async fn preview_filter(state: &State, filter: &EventFilter) -> Result<MatchPreview, Problem> {
    let from = (state.clock)().checked_sub(PREVIEW_WINDOW).ok();
    preview_matches(state, SearchFilter { conditions: filter.conditions(), from, ..SearchFilter::default() }).await
}
