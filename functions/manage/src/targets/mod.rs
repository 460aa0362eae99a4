//! `/v1/targets`: the webhook receivers.

mod checks;
mod definition;
mod verbs;
mod view;

use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Changed, Entry, Paused, Record, Target, TargetState};
use web::{Caller, JsonBody, Kind, Manage, Problem};

pub(crate) use definition::NewTarget;
pub(crate) use verbs::{DEFAULT_RATE, Resumed, Rotation, Tested, pause, resume, rotate, test};
pub(crate) use view::{TargetList, TargetView};

use crate::State;
use crate::name::{Violations, unknown};
use definition::Checked;

/// The most targets that one request creates.
const MAX_TOGETHER: usize = 50;

/// One target, or several, as Migration Manager's settings list them.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum NewTargets {
    /// One.
    #[expect(dead_code, reason = "read by hand, for better messages")]
    One(Box<NewTarget>),
    /// Several: all of them are created, or none where anything is wrong.
    #[expect(dead_code, reason = "read by hand, for better messages")]
    Several(Vec<NewTarget>),
}

/// The target that was created, or those that were.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Created {
    /// The one.
    One(Box<TargetView>),
    /// Those.
    Several(TargetList),
}

/// `POST /v1/targets`.
pub(crate) async fn create(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    JsonBody(body): JsonBody<Value>,
) -> Result<(StatusCode, Json<Created>), Problem> {
    let Value::Array(several) = body else {
        let new = read(body)?;
        let mut violations = Violations::default();
        let checked = new.check((state.clock)(), &mut violations);
        violations.into_result()?;
        let created = store(&state, &caller, checked).await?;
        return Ok((StatusCode::CREATED, Json(Created::One(Box::new(created)))));
    };
    if several.is_empty() || several.len() > MAX_TOGETHER {
        return Err(Problem::new(Kind::BadRequest, format!("Expected 1 to {MAX_TOGETHER} targets")));
    }
    let (mut all, mut violations) = (Vec::new(), Violations::default());
    for (number, new) in several.into_iter().enumerate() {
        let new = read(new)?;
        let mut own = Violations::default();
        if all.iter().flatten().any(|other: &Checked| other.target.name == new.name) {
            own.add("name", "uniqueItems", "expected another name: two of these have this one");
        } else if state.config.get::<Target>(&new.name).await?.is_some() {
            own.add("name", "uniqueItems", "expected another name: a target has this one");
        }
        all.push(new.check((state.clock)(), &mut own));
        violations.extend(&number.to_string(), own);
    }
    violations.into_result()?;
    let mut targets = Vec::new();
    for checked in all {
        targets.push(store(&state, &caller, checked).await?);
    }
    Ok((StatusCode::CREATED, Json(Created::Several(TargetList { targets }))))
}

fn read(body: Value) -> Result<NewTarget, Problem> {
    serde_json::from_value(body)
        .map_err(|error| Problem::new(Kind::BadRequest, format!("The body does not read as a target: {error}")))
}

/// Stores a new target; its signing secret is shown here, once.
async fn store(state: &State, caller: &Caller, checked: Option<Checked>) -> Result<TargetView, Problem> {
    // What cannot be read is a violation, and was answered.
    let Some(Checked { mut target, secrets, enabled }) = checked else { return Err(no_randomness()) };
    target.sealed = state.keyring.seal(&target.name, &secrets).await.map_err(no_key)?;
    let reason = "it was created with `enabled` false".to_owned();
    let paused = (!enabled).then(|| Paused { since: target.created_at, reason, by: caller.key.clone() });
    let standing = TargetState { name: target.name.clone(), paused, ..TargetState::default() };
    let mut view = TargetView::new(target.clone(), Some(&standing));
    let entry = Entry {
        event_type: "target-created",
        actor: &caller.key,
        subject: &target.name,
        data: json!(view),
        previous: Value::Null,
    };
    let changes = vec![state.config.creating(&target)?, state.config.writing(&standing)?];
    if let Changed::Refused(_) = state.events.change(&entry, changes).await? {
        return Err(store::Error::Exists(format!("{}/{}", Target::KIND, target.name)).into());
    }
    view.signing_secret = Some(secrets.signing.reveal().to_owned());
    Ok(view)
}

/// `GET /v1/targets`.
pub(crate) async fn list(Shared(state): Shared<State>, _: Manage) -> Result<Json<TargetList>, Problem> {
    let (targets, states) = futures::try_join!(state.config.list::<Target>(), state.config.list::<TargetState>())?;
    let of = |target: &Target| states.iter().find(|state| state.name == target.name);
    let targets = targets.into_iter().map(|target| TargetView::new(target.clone(), of(&target))).collect();
    Ok(Json(TargetList { targets }))
}

/// A target and how it is doing.
pub(crate) async fn get(state: &State, name: &str) -> Result<(Target, Option<TargetState>), Problem> {
    let (target, standing) =
        futures::try_join!(state.config.get::<Target>(name), state.config.get::<TargetState>(name))?;
    Ok((target.ok_or_else(|| unknown(Target::KIND, name))?, standing))
}

/// `GET /v1/targets/{name}`.
pub(crate) async fn read_one(
    Shared(state): Shared<State>,
    _: Manage,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let (target, standing) = get(&state, &name).await?;
    Ok(tagged(target, standing.as_ref()))
}

/// A target with its version as the `ETag`.
fn tagged(target: Target, standing: Option<&TargetState>) -> Response {
    let tag = tag(&target);
    let mut response = Json(TargetView::new(target, standing)).into_response();
    response.headers_mut().insert(header::ETAG, tag);
    response
}

fn tag(target: &Target) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{}\"", target.version)).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// `PATCH /v1/targets/{name}`: a JSON Merge Patch (RFC 7396) of what it was created from.
pub(crate) async fn change(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<Value>,
) -> Result<Response, Problem> {
    let (target, standing) = get(&state, &name).await?;
    if headers.get(header::IF_MATCH).is_some_and(|wanted| wanted != "*" && wanted != tag(&target)) {
        return Err(changed_since());
    }
    let (mut changed, enabled) = patched(&state, &target, patch).await?;
    if changed.target != target {
        let now = (state.clock)();
        let target_before = target.clone();
        changed.target.version = target.version + 1;
        let entry = Entry {
            event_type: "target-modified",
            actor: &caller.key,
            subject: &name,
            data: json!(TargetView::new(changed.target.clone(), standing.as_ref())),
            previous: json!(TargetView::new(target_before, standing.as_ref())),
        };
        tracing::info!(target = name, at = %now, "a target is changed");
        let write = state.config.replacing(&changed.target, target.version)?;
        if let Changed::Refused(_) = state.events.change(&entry, vec![write]).await? {
            return Err(changed_since());
        }
    }
    match enabled {
        Some(true) => drop(verbs::try_resume(&state, &caller, &name, standing.as_ref()).await?),
        Some(false) => verbs::try_pause(&state, &caller, &name, "`enabled` was set to false".to_owned()).await?,
        None => {}
    }
    let (target, standing) = get(&state, &name).await?;
    Ok(tagged(target, standing.as_ref()))
}

/// The target with a patch applied, and what the patch says of `enabled`.
async fn patched(state: &State, target: &Target, patch: Value) -> Result<(Checked, Option<bool>), Problem> {
    let not_object = || Problem::new(Kind::BadRequest, "Expected an object with the fields to change");
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
        Some(_) => {
            violations.add("enabled", "type", "expected true or false");
            None
        }
    };
    let secrets = state.keyring.open(&target.name, &target.sealed).await.map_err(no_key)?;
    let mut definition = json!(NewTarget::of(target, &secrets));
    merge(&mut definition, Value::Object(patch));
    let new = read(definition)?;
    let now = (state.clock)();
    let checked = new.check(now, &mut violations);
    violations.into_result()?;
    let Some(Checked { target: new, secrets: mut own, .. }) = checked else { return Err(no_randomness()) };
    own.former_signing.clone_from(&secrets.former_signing);
    let wanted = new.wanted.clone();
    let mut changed = Target {
        wanted: target.wanted.clone(),
        wanted_since: target.wanted_since,
        former: target.former.clone(),
        rotating_until: target.rotating_until,
        created_at: target.created_at,
        version: target.version,
        sealed: target.sealed.clone(),
        ..new
    };
    changed.want(wanted, now);
    if own != *secrets {
        changed.sealed = state.keyring.seal(&target.name, &own).await.map_err(no_key)?;
    }
    Ok((Checked { target: changed, secrets: own, enabled: true }, enabled))
}

/// RFC 7396: what is null is removed, objects are merged, everything else is replaced.
fn merge(value: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *value = patch;
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    let Value::Object(fields) = value else { return };
    for (name, patch) in patch {
        if patch.is_null() {
            fields.remove(&name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), patch);
        }
    }
}

/// `DELETE /v1/targets/{name}`: what waits for it is dropped.
pub(crate) async fn remove(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let (target, standing) = get(&state, &name).await?;
    let entry = Entry {
        event_type: "target-removed",
        actor: &caller.key,
        subject: &name,
        data: Value::Null,
        previous: json!(TargetView::new(target, standing.as_ref())),
    };
    let changes =
        vec![state.config.removing::<Target>(&name, true)?, state.config.removing::<TargetState>(&name, false)?];
    match state.events.change(&entry, changes).await? {
        Changed::Done(_) => Ok(StatusCode::NO_CONTENT),
        Changed::Refused(_) => Err(unknown(Target::KIND, &name)),
    }
}

/// The problem of a change to what has been changed by somebody else.
pub(crate) fn changed_since() -> Problem {
    Problem::new(Kind::PreconditionFailed, "The target was changed since you read it: read it again, then change it")
}

fn no_randomness() -> Problem {
    tracing::error!("no randomness for a signing secret");
    Problem::new(Kind::Unavailable, "No signing secret could be made")
}

fn no_key(error: webhook::Error) -> Problem {
    tracing::error!(%error, "the secrets of a target cannot be used");
    Problem::new(Kind::Unavailable, "The target's secrets could not be encrypted or decrypted")
}

/// What a target is asked to do.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Why {
    /// Why, for those who find it paused.
    #[schemars(length(max = 1000))]
    pub(crate) reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_is_merged() {
        let mut value = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1]});
        merge(&mut value, json!({"a": null, "b": {"c": null, "x": 4}, "e": [2], "f": {"g": null}}));
        assert_eq!(value, json!({"b": {"d": 3, "x": 4}, "e": [2], "f": {}}));
    }
}
