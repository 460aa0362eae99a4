//! `PATCH /v1/targets/{name}`: a JSON Merge Patch (RFC 7396) of what it was created from.

use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::{Map, Value, json};
use store::{Changed, Entry, Target};
use web::{JsonBody, Kind, Manage, Problem};

use super::body::{Strict, read_as};
use super::create::KIND;
use super::definition::{Checked, NewTarget};
use super::view::TargetView;
use super::{changed_since, get, no_key, no_randomness, tag, tagged, verbs};
use crate::State;
use crate::name::Violations;

/// `PATCH /v1/targets/{name}`: a JSON Merge Patch (RFC 7396) of what it was created from.
pub(crate) async fn change(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    Path(name): Path<String>,
    headers: HeaderMap,
    JsonBody(Strict(patch)): JsonBody<Strict>,
) -> Result<Response, Problem> {
    let (target, standing) = get(&state, &name).await?;
    if !is_wanted(&headers, &tag(&target)) {
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
        Some(true) => drop(verbs::try_resume(&state, &caller, &target, standing.as_ref()).await?),
        Some(false) => verbs::try_pause(&state, &caller, &name, "`enabled` was set to false".to_owned()).await?,
        None => {}
    }
    let (target, standing) = get(&state, &name).await?;
    Ok(tagged(target, standing.as_ref()))
}

/// Whether a request may change what has this tag (RFC 9110, 13.1.1): `If-Match` names it among others, or anything.
fn is_wanted(headers: &HeaderMap, tag: &str) -> bool {
    let names = |list: &str| list.trim() == "*" || list.split(',').any(|one| one.trim() == tag);
    let mut given = headers.get_all(header::IF_MATCH).iter().peekable();
    given.peek().is_none() || given.any(|list| list.to_str().is_ok_and(names))
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
    let headers = patch.get_mut("headers").and_then(Value::as_object_mut);
    if headers.is_some_and(|headers| !lower(headers)) {
        violations.add("headers", "uniqueItems", "expected each header once: upper and lower case are the same");
    }
    let secrets = state.keyring.open(&target.name, &target.sealed).await.map_err(no_key)?;
    let mut definition = json!(NewTarget::of(target, &secrets));
    merge(&mut definition, Value::Object(patch));
    let new: NewTarget = read_as(KIND, definition)?;
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

/// Writes the names of headers as they are stored; whether each stands there once.
fn lower(headers: &mut Map<String, Value>) -> bool {
    let given = std::mem::take(headers);
    let count = given.len();
    headers.extend(given.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)));
    headers.len() == count
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_patch_is_merged() {
        let mut value = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1]});
        merge(&mut value, json!({"a": null, "b": {"c": null, "x": 4}, "e": [2], "f": {"g": null}}));
        assert_eq!(value, json!({"b": {"d": 3, "x": 4}, "e": [2], "f": {}}));
    }

    #[test]
    fn if_match_names_one_tag_several_or_any() {
        let wanted = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_MATCH, HeaderValue::from_static(line));
            }
            is_wanted(&headers, "\"7\"")
        };
        for lines in [&[][..], &["*"], &["\"7\""], &["\"3\", \"7\""], &["\"7\",\"3\""], &["\"3\"", "\"7\""]] {
            assert!(wanted(lines), "{lines:?}");
        }
        for lines in [&["\"3\""][..], &["7"], &["W/\"7\""], &["\"77\", \"3\""], &[""], &["\"a,*,b\""]] {
            assert!(!wanted(lines), "{lines:?}");
        }
    }

    #[test]
    fn headers_in_two_spellings_are_told() {
        let mut once = json!({"X-A": "1", "x-b": null});
        assert!(lower(once.as_object_mut().unwrap()));
        assert_eq!(once, json!({"x-a": "1", "x-b": null}));
        assert!(!lower(json!({"X-A": "1", "x-a": null}).as_object_mut().unwrap()));
    }
}
