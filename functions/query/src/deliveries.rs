//! `GET /v1/events/{id}/deliveries`: for every target, what became of the event, and why.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State as Shared};
use events::{Event, EventId};
use jiff::Timestamp;
use model::{Attempt, Delivery, Pause, RecordedStatus, TARGET_REMOVED, Target};
use schemars::JsonSchema;
use serde::Serialize;
use web::{Problem, Read};

use crate::State;
use crate::search::{event_id, no_event};

/// Every target's answer for one event.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Deliveries")]
pub(crate) struct Explanation {
    /// The event's id.
    event: EventId,
    /// One for each target, by name: those that there are, and those that have been removed since
    /// the event was delivered to them.
    deliveries: Vec<Explained>,
}

/// What became of the event for one target.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Delivery")]
struct Explained {
    /// The target's name.
    target: String,
    /// Where it stands.
    status: Word,
    /// Why it stands so, in words.
    reason: String,
    /// The target's field that did not let the event pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'static str>,
    /// Every attempt, oldest first.
    attempts: Vec<Attempt>,
    /// When the next attempt is due.
    next_attempt_at: Option<Timestamp>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "DeliveryStatus")]
enum Word {
    /// The target answered 2xx.
    Delivered,
    /// The next attempt is due.
    Waiting,
    /// The last attempt failed.
    Failed,
    /// The target is paused: it is delivered when that is resumed.
    Held,
    /// A filter of the target did not let the event pass.
    NotWanted,
}

/// `GET /v1/events/{id}/deliveries`.
pub(crate) async fn explain(
    Shared(state): Shared<State>,
    _: Read,
    Path(id): Path<String>,
) -> Result<Json<Explanation>, Problem> {
    let event = event_id(&id)?;
    let event = state.log.events.get(event).await?.ok_or_else(|| no_event(&id))?;
    // What was just created or removed is to be seen here at once.
    let targets = state.targets.all(Duration::ZERO).await?;
    let states = state.states.all(Duration::ZERO).await?;
    let paused = |name: &str| states.iter().find(|state| state.name == name)?.pause.as_ref();
    let mut recorded = state.deliveries.list_by_event(event.id).await?;
    let mut deliveries: Vec<Explained> = Vec::new();
    for target in targets.iter() {
        let known = recorded.iter().position(|delivery| delivery.target == target.name);
        deliveries.push(match known {
            // One that had the name before.
            Some(index) if !recorded[index].is_for(target) => removed(recorded.swap_remove(index)),
            Some(index) => attempted(recorded.swap_remove(index), paused(&target.name)),
            None => not_attempted(target, &event, paused(&target.name)),
        });
    }
    // What remains went to targets that have been removed since.
    deliveries.extend(recorded.into_iter().map(removed));
    deliveries.sort_by(|a, b| a.target.cmp(&b.target));
    Ok(Json(Explanation { event: event.id, deliveries }))
}

/// What became of the event for a target that has been removed: what was still to come never will.
fn removed(delivery: Delivery) -> Explained {
    match delivery.status {
        RecordedStatus::Waiting | RecordedStatus::Held => Explained {
            status: Word::Failed,
            reason: TARGET_REMOVED.to_owned(),
            next_attempt_at: None,
            ..attempted(delivery, None)
        },
        RecordedStatus::Delivered | RecordedStatus::Failed => attempted(delivery, None),
    }
}

fn attempted(delivery: Delivery, paused: Option<&Pause>) -> Explained {
    let count = delivery.count;
    let last = delivery.attempts.last();
    let why = last.and_then(|attempt| attempt.error.clone()).unwrap_or_else(|| "no reason was recorded".to_owned());
    let (status, reason) = match delivery.status {
        RecordedStatus::Delivered => (Word::Delivered, format!("accepted at attempt {count}")),
        RecordedStatus::Waiting if delivery.made == 0 => match &delivery.run {
            Some(run) => (Word::Waiting, format!("the first attempt of the replay or retry {run} is due")),
            None => (Word::Waiting, "the first attempt is due".to_owned()),
        },
        RecordedStatus::Waiting => {
            let then =
                paused.map(|_| "; the target is paused: the next attempt is held when it is due").unwrap_or_default();
            (Word::Waiting, format!("attempt {count} failed: {why}{then}"))
        }
        RecordedStatus::Failed => (Word::Failed, format!("gave up after attempt {count}: {why}")),
        RecordedStatus::Held => (Word::Held, held(paused)),
    };
    Explained {
        target: delivery.target,
        status,
        reason,
        filter: None,
        attempts: delivery.attempts,
        next_attempt_at: delivery.next_attempt_at,
    }
}

/// Why a delivery is held.
fn held(paused: Option<&Pause>) -> String {
    match paused {
        Some(paused) => format!("the target is paused since {}: {}", paused.since, paused.reason),
        None => "the target was paused; a replay delivers what was held".to_owned(),
    }
}

fn not_attempted(target: &Target, event: &Event, paused: Option<&Pause>) -> Explained {
    let (status, reason, filter) = match target.accepts(event) {
        Ok(()) if paused.is_some() => (Word::Held, held(paused), None),
        Ok(()) => (Word::Waiting, "the first attempt is due".to_owned(), None),
        Err(not) => (Word::NotWanted, not.reason, Some(not.filter)),
    };
    Explained { target: target.name.clone(), status, reason, filter, attempts: Vec::new(), next_attempt_at: None }
}
