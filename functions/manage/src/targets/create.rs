//! `POST /v1/targets`: one target, or several at once.

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use model::{AuditEvent, Pause, Record, Target, TargetState};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use store::{ConfigWrite, EventTable};
use web::{AnyJsonBody, Caller, Manage, Problem, ProblemType};
use webhook::Secrets;

use super::problems::{no_key, no_randomness};
use super::request::{Checked, NewTarget, TARGET_BODY};
use super::response::{TargetList, TargetView};
use super::strict_json::{Strict, read, read_as};
use crate::State;
use crate::validation::Violations;

/// What is written for one target: it, how it is doing, and the event that tells of it.
const WRITES: usize = 3;

/// The most targets that one request creates: all of them are one transaction.
const MAX_TOGETHER: usize = EventTable::MAX_TRANSACTION_ITEMS / WRITES;

/// The most bytes of them together. Each is written into a target and into an event, and a transaction takes 4 MB.
const MAX_BYTES: usize = 1_500_000;

/// One target, or several, as Migration Manager's settings list them.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum NewTargets {
    /// One.
    #[expect(dead_code, reason = "read by hand, for better messages")]
    One(Box<NewTarget>),
    /// Several, at most 33: all of them are created, or none where anything is wrong.
    #[expect(dead_code, reason = "read by hand, for better messages")]
    Several(#[schemars(length(min = 1, max = MAX_TOGETHER))] Vec<NewTarget>),
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
pub(crate) async fn create_target(
    Shared(state): Shared<State>,
    Manage(caller): Manage,
    AnyJsonBody(Strict(body)): AnyJsonBody<Strict>,
) -> Result<(StatusCode, Json<Created>), Problem> {
    let (all, one) = match body {
        Value::Array(several) => (check_all(&state, several).await?, false),
        body => {
            let mut violations = Violations::default();
            let checked = read_as::<NewTarget>(TARGET_BODY, body)?.check((state.clock)(), &mut violations);
            violations.into_result()?;
            // What cannot be read is a violation, and was answered.
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

/// Every one of several targets, or everything that is wrong with them.
async fn check_all(state: &State, several: Vec<Value>) -> Result<Vec<Checked>, Problem> {
    if several.is_empty() {
        return Err(Problem::new(ProblemType::BadRequest, "Expected at least one target: the array is empty"));
    }
    if several.len() > MAX_TOGETHER {
        let detail = format!(
            "Expected at most {MAX_TOGETHER} targets, created together or none: post these {} in parts",
            several.len()
        );
        return Err(Problem::new(ProblemType::BadRequest, detail));
    }
    if several.iter().map(|new| new.to_string().len()).sum::<usize>() > MAX_BYTES {
        let detail = format!("The targets have more than {MAX_BYTES} bytes together: post them in parts");
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
        all.push(new.check((state.clock)(), &mut own));
        violations.extend(&number.to_string(), own);
    }
    violations.into_result()?;
    all.into_iter().collect::<Option<Vec<Checked>>>().ok_or_else(no_randomness)
}

/// Stores new targets, all or none; their signing secrets are shown here, once.
async fn store(state: &State, caller: &Caller, all: Vec<Checked>) -> Result<Vec<TargetView>, Problem> {
    let mut sealed: Vec<(Target, TargetState, Secrets)> = Vec::new();
    for Checked { mut target, secrets, enabled } in all {
        target.secrets = state.keyring.seal(&target.name, &secrets).await.map_err(no_key)?;
        let reason = "it was created with `enabled` false".to_owned();
        let pause = (!enabled).then(|| Pause { since: target.created_at, reason, by: caller.key.clone() });
        let standing = TargetState { name: target.name.clone(), pause, ..TargetState::default() };
        sealed.push((target, standing, secrets));
    }
    let change = |(target, standing, _): &(Target, TargetState, Secrets)| -> Result<Vec<ConfigWrite>, store::Error> {
        Ok(vec![state.config.create_write(target)?, state.config.put_write(standing)?])
    };
    let mut changes = Vec::new();
    for new in &sealed {
        let entry = AuditEvent {
            event_type: "target-created",
            actor: &caller.key,
            subject: &new.0.name,
            data: json!(TargetView::new(new.0.clone(), Some(&new.1))),
            previous: Value::Null,
        };
        changes.push((entry, change(new)?));
    }
    if let Some(refused) = state.events.write_all_audited(&changes).await? {
        let name = sealed.get(refused).map_or("", |(target, ..)| target.name.as_str());
        return Err(taken(name, sealed.len()));
    }
    let shown = |(target, standing, secrets): (Target, TargetState, Secrets)| {
        let mut view = TargetView::new(target, Some(&standing));
        view.signing_secret = Some(secrets.signing.reveal().to_owned());
        view
    };
    Ok(sealed.into_iter().map(shown).collect())
}

/// The problem of a name that somebody else gave to a target at the same time.
fn taken(name: &str, of: usize) -> Problem {
    let name = format!("{}/{name}", Target::KIND);
    if of == 1 {
        return store::Error::Exists(name).into();
    }
    Problem::new(ProblemType::Conflict, format!("{name} exists already: none of these {of} targets was created"))
}
