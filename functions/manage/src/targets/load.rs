//! Loading a target.

use model::{Record, Target, TargetState};
use web::Problem;

use crate::State;
use crate::validation::not_found;

/// Loads a target and its state.
///
/// # Errors
/// If the target does not exist, or the table cannot be read.
pub(crate) async fn load_target(state: &State, name: &str) -> Result<(Target, Option<TargetState>), Problem> {
    let (target, target_state) =
        futures::try_join!(state.config.get::<Target>(name), state.config.get::<TargetState>(name))?;
    Ok((target.ok_or_else(|| not_found(Target::KIND, name))?, target_state))
}
