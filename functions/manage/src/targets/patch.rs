//! `PATCH /v1/targets/{name}`: a JSON Merge Patch (RFC 7396) of the target's definition.

use std::time::Duration;

use axum::extract::{Path, State as Shared};
use axum::http::HeaderMap;
use axum::response::Response;
use events::StrictJson;
use model::{AuditEvent, Target, TargetState};
use serde_json::{Map, Value, json};
use store::WriteOutcome;
use web::{Caller, JsonBody, Manage, Problem, ProblemType};

use super::actions;
use super::etag::{Condition, tagged};
use super::load::load_target;
use super::log_target::split_credentials;
use super::object_reader::read_as;
use super::problems::{changed_since, no_key, no_randomness};
use super::request::{MAX_TARGET_BYTES, NewTarget, TARGET_BODY, ValidatedTarget, text_bytes};
use super::response::audit_view;
use crate::State;
use crate::validation::Violations;

/// Maximum number of tries of an unconditional change. Of several concurrent changes, one succeeds each time.
const MAX_CHANGE_TRIES: u32 = 20;

/// Maximum delay between two tries. Delays are random, so that the changes do not conflict again.
const MAX_CHANGE_BACKOFF: Duration = Duration::from_millis(100);

/// `PATCH /v1/targets/{name}`: a JSON Merge Patch (RFC 7396) of the target's definition.
pub(crate) async fn change_target(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
    headers: HeaderMap,
    JsonBody(StrictJson(patch)): JsonBody<StrictJson>,
) -> Result<Response, Problem> {
    let condition = Condition::of(&headers);
    for _ in 0..MAX_CHANGE_TRIES {
        let (target, target_state) = load_target(&state, &name).await?;
        condition.check(&target, target_state.as_ref())?;
        let (changed, enabled) = patched(&state, &target, patch.clone()).await?;
        if !write(&state, &caller, &target, changed, target_state.as_ref()).await? {
            if condition.names_one() {
                return Err(changed_since());
            }
            tokio::time::sleep(MAX_CHANGE_BACKOFF.mul_f64(fastrand::f64())).await;
            continue;
        }
        match enabled {
            Some(true) => drop(actions::try_resume(&state, &caller, &target, target_state.as_ref()).await?),
            Some(false) => actions::try_pause(&state, &caller, &name, "`enabled` was set to false".to_owned()).await?,
            None => {}
        }
        let (target, target_state) = load_target(&state, &name).await?;
        return Ok(tagged(target, target_state.as_ref()));
    }
    Err(Problem::new(ProblemType::Unavailable, "The target has too many concurrent changes: repeat the request"))
}

/// Writes a changed target with its audit event. Returns `false` if the target was changed concurrently.
async fn write(
    state: &State,
    caller: &Caller,
    before: &Target,
    mut changed: Target,
    target_state: Option<&TargetState>,
) -> Result<bool, Problem> {
    if changed == *before {
        return Ok(true);
    }
    changed.version = before.version + 1;
    let entry = AuditEvent {
        event_type: "target-modified",
        actor: &caller.key,
        subject: &before.name,
        data: audit_view(changed.clone(), target_state),
        previous: audit_view(before.clone(), target_state),
    };
    let write = state.config.replace_target_write(&changed, before.version)?;
    let made = state.events.write_audited(&entry, vec![write]).await?;
    Ok(matches!(made, WriteOutcome::Done(_)))
}

/// Applies a patch to a target. Returns the changed target and the value of `enabled` in the patch.
async fn patched(state: &State, target: &Target, patch: Value) -> Result<(Target, Option<bool>), Problem> {
    let not_object = || Problem::new(ProblemType::BadRequest, "Expected an object with the fields to change");
    let Value::Object(mut patch) = patch else { return Err(not_object()) };
    let mut violations = Violations::default();
    if patch.remove("name").is_some_and(|name| name != target.name.as_str()) {
        violations.add("name", "const", "expected the name to stay: create another target instead");
    }
    if patch.remove("signing_secret").is_some() {
        let name = &target.name;
        violations.add("signing_secret", "not", format!("replace it with POST /v1/targets/{name}/rotate"));
    }
    let enabled = match patch.remove("enabled") {
        None => None,
        Some(Value::Bool(enabled)) => Some(enabled),
        // Null restores the default.
        Some(Value::Null) => Some(true),
        Some(_) => {
            violations.add("enabled", "type", "expected true or false");
            None
        }
    };
    let headers = patch.get_mut("headers").and_then(Value::as_object_mut);
    if headers.is_some_and(|headers| !lowercase_names(headers)) {
        violations.add("headers", "uniqueItems", "expected each header once: upper and lower case are the same");
    }
    // A field that sets others replaces them.
    let in_patch = |name: &str| patch.get(name).is_some_and(|value| !value.is_null());
    let has_credentials = patch.get("address").and_then(Value::as_str).and_then(split_credentials).is_some();
    let mut replaced: Vec<&str> = Vec::new();
    if has_credentials && !in_patch("username") && !in_patch("password") {
        replaced.extend(["username", "password"]);
    }
    if in_patch("lifecycle_actions") && !in_patch("events") {
        replaced.push("events");
    }
    let secrets = state.keyring.open(&target.name, &target.secrets).await.map_err(no_key)?;
    let mut definition = json!(NewTarget::of(target, &secrets));
    for field in replaced {
        definition[field] = Value::Null;
    }
    // The definition has all fields; those without a value are null. The merge would drop unknown fields of the patch
    // that are null, so they are added again and rejected.
    let unknown: Vec<String> = patch.keys().filter(|name| definition.get(name.as_str()).is_none()).cloned().collect();
    json_patch::merge(&mut definition, &Value::Object(patch));
    if let Value::Object(fields) = &mut definition {
        for name in unknown {
            fields.entry(name).or_insert(Value::Null);
        }
    }
    let new: NewTarget = read_as(TARGET_BODY, definition)?;
    let now = (state.clock)();
    let checked = new.check(now, state.https_only, &mut violations);
    violations.into_result()?;
    let Some(ValidatedTarget { target: new, secrets: mut own, .. }) = checked else { return Err(no_randomness()) };
    own.previous_signing.clone_from(&secrets.previous_signing);
    let filter = new.filter.clone();
    let mut changed = Target {
        filter: target.filter.clone(),
        filter_since: target.filter_since,
        previous_filters: target.previous_filters.clone(),
        rotating_until: target.rotating_until,
        created_at: target.created_at,
        version: target.version,
        secrets: target.secrets.clone(),
        ..new
    };
    changed.set_filter(filter, now);
    // An item of DynamoDB is bounded: the oldest previous filters are dropped.
    while !changed.previous_filters.is_empty()
        && text_bytes(&json!(changed)) + changed.secrets.0.len() > MAX_TARGET_BYTES
    {
        changed.previous_filters.remove(0);
    }
    if own != *secrets {
        changed.secrets = state.keyring.seal(&target.name, &own).await.map_err(no_key)?;
    }
    Ok((changed, enabled))
}

/// Converts header names to lower case. Returns `false` if a name occurs twice.
fn lowercase_names(headers: &mut Map<String, Value>) -> bool {
    let given = std::mem::take(headers);
    let count = given.len();
    headers.extend(given.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)));
    headers.len() == count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_differ_only_in_case_are_detected() {
        let mut once = json!({"X-A": "1", "x-b": null});
        assert!(lowercase_names(once.as_object_mut().unwrap()));
        assert_eq!(once, json!({"x-a": "1", "x-b": null}));
        assert!(!lowercase_names(json!({"X-A": "1", "x-a": null}).as_object_mut().unwrap()));
    }
}
