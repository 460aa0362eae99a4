//! `POST /v1/targets`: creates one target or several.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use events::StrictJson;
use model::{AuditEvent, Pause, Record, Target, TargetState};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use store::{ConfigWrite, EventTable};
use web::{AnyJsonBody, Caller, Manage, Problem, ProblemType};
use webhook::Secrets;

use super::object_reader::{read, read_as};
use super::problems::{no_key, no_randomness};
use super::request::{NewTarget, TARGET_BODY, ValidatedTarget};
use super::response::{TargetList, TargetView, audit_view};
use crate::State;
use crate::validation::Violations;

/// Writes of one new target: the target, its state, and the audit event.
const WRITES_PER_TARGET: usize = 3;

/// Maximum number of targets of a request, which are created in one transaction.
const MAX_NEW_TARGETS: usize = EventTable::MAX_TRANSACTION_ITEMS / WRITES_PER_TARGET;

/// Maximum bytes of the targets of a request. Each is written to a target and to an event, and a transaction has at most
/// 4 MB.
const MAX_NEW_TARGETS_BYTES: usize = 1_500_000;

/// One target, or several targets as in the settings of Migration Manager.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum NewTargets {
    /// A single target.
    #[expect(dead_code, reason = "read by hand, for better messages")]
    One(Box<NewTarget>),
    /// Several targets, at most 33. Either all of them are created, or none if one is invalid.
    #[expect(dead_code, reason = "read by hand, for better messages")]
    Several(#[schemars(length(min = 1, max = MAX_NEW_TARGETS))] Vec<NewTarget>),
}

/// The created target or targets.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Created {
    /// A single target.
    One(Box<TargetView>),
    /// Several targets.
    Several(TargetList),
}

/// `POST /v1/targets`.
pub(crate) async fn create_target(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    AnyJsonBody(StrictJson(body)): AnyJsonBody<StrictJson>,
) -> Result<(StatusCode, Json<Created>), Problem> {
    let (all, one) = match body {
        Value::Array(several) => (check_all(&state, several).await?, false),
        body => {
            let mut violations = Violations::default();
            let checked =
                read_as::<NewTarget>(TARGET_BODY, body)?.check((state.clock)(), state.https_only, &mut violations);
            violations.into_result()?;
            // `None` without violations: only the generation of the secret can fail.
            (vec![checked.ok_or_else(no_randomness)?], true)
        }
    };
    let mut targets = store(&state, &caller, all).await?;
    let created = match targets.pop() {
        Some(target) if one => Created::One(Box::new(target)),
        last => {
            targets.extend(last);
            Created::Several(TargetList { targets })
        }
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Validates several targets, or returns the violations of all of them.
async fn check_all(state: &State, several: Vec<Value>) -> Result<Vec<ValidatedTarget>, Problem> {
    if several.is_empty() {
        return Err(Problem::new(ProblemType::BadRequest, "Expected at least one target: the array is empty"));
    }
    if several.len() > MAX_NEW_TARGETS {
        let detail = format!(
            "Expected at most {MAX_NEW_TARGETS} targets, created together or none: post these {} in parts",
            several.len()
        );
        return Err(Problem::new(ProblemType::BadRequest, detail));
    }
    if several.iter().map(|new| new.to_string().len()).sum::<usize>() > MAX_NEW_TARGETS_BYTES {
        let detail = format!("The targets have more than {MAX_NEW_TARGETS_BYTES} bytes together: post them in parts");
        return Err(Problem::new(ProblemType::TooLarge, detail));
    }
    let (mut read_all, mut unread) = (Vec::new(), Violations::default());
    for (number, new) in several.into_iter().enumerate() {
        match read::<NewTarget>(new) {
            Ok(new) => read_all.push(new),
            Err(own) => unread.extend(&number.to_string(), own),
        }
    }
    if !unread.is_empty() {
        return Err(unread.into_unread("targets"));
    }
    let (mut all, mut names, mut violations) = (Vec::new(), Vec::new(), Violations::default());
    for (number, new) in read_all.into_iter().enumerate() {
        let mut own = Violations::default();
        if names.contains(&new.name) {
            own.add("name", "uniqueItems", "expected another name: two of these have this one");
        } else if state.config.get::<Target>(&new.name).await?.is_some() {
            own.add("name", "uniqueItems", "expected another name: a target has this one");
        }
        names.push(new.name.clone());
        all.push(new.check((state.clock)(), state.https_only, &mut own));
        violations.extend(&number.to_string(), own);
    }
    violations.into_result()?;
    all.into_iter().collect::<Option<Vec<ValidatedTarget>>>().ok_or_else(no_randomness)
}

/// Stores new targets in one transaction. Only this response contains the signing secrets.
async fn store(state: &State, caller: &Caller, all: Vec<ValidatedTarget>) -> Result<Vec<TargetView>, Problem> {
    let mut sealed: Vec<(Target, TargetState, Secrets)> = Vec::new();
    for ValidatedTarget { mut target, secrets, enabled } in all {
        target.secrets = state.keyring.seal(&target.name, &secrets).await.map_err(no_key)?;
        let reason = "it was created with `enabled` false".to_owned();
        let pause = (!enabled).then(|| Pause { since: target.created_at, reason, by: caller.key.clone() });
        let target_state = TargetState { name: target.name.clone(), pause, ..TargetState::default() };
        sealed.push((target, target_state, secrets));
    }
    let change =
        |(target, target_state, _): &(Target, TargetState, Secrets)| -> Result<Vec<ConfigWrite>, store::Error> {
            Ok(vec![state.config.create_write(target)?, state.config.put_write(target_state)?])
        };
    let mut changes = Vec::new();
    for new in &sealed {
        let entry = AuditEvent {
            event_type: "target-created",
            actor: &caller.key,
            subject: &new.0.name,
            data: audit_view(new.0.clone(), Some(&new.1)),
            previous: Value::Null,
        };
        changes.push((entry, change(new)?));
    }
    if let Some(refused) = state.events.write_all_audited(&changes).await? {
        let name = sealed.get(refused).map_or("", |(target, ..)| target.name.as_str());
        return Err(taken(name, sealed.len()));
    }
    let shown = |(target, target_state, secrets): (Target, TargetState, Secrets)| {
        let mut view = TargetView::new(target, Some(&target_state));
        view.signing_secret = Some(secrets.signing.reveal().to_owned());
        view
    };
    Ok(sealed.into_iter().map(shown).collect())
}

/// The problem of a name that a concurrent request has used.
fn taken(name: &str, of: usize) -> Problem {
    let name = format!("{}/{name}", Target::KIND);
    if of == 1 {
        return store::Error::Exists(name).into();
    }
    Problem::new(ProblemType::Conflict, format!("{name} exists already: none of these {of} targets was created"))
}
