//! `GET /v1/events/{id}/deliveries`: the status of an event's delivery to every target, with the reason.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State as Shared};
use events::{Event, EventId};
use jiff::Timestamp;
use model::delivery::decision::status_before_attempt;
use model::{Attempt, Delivery, KeyScope, Pause, RecordedStatus, TARGET_REMOVED, Target};
use schemars::JsonSchema;
use serde::Serialize;
use web::{Method, Operation, Problem, Read, SuccessResponse, schema_of};

use crate::event::{EVENT_ERRORS, EVENT_ID, event_not_found, parse_event_id};
use crate::{State, examples};

pub(crate) static EXPLAIN_DELIVERIES: Operation = Operation {
    method: Method::Get,
    path: "/v1/events/{id}/deliveries",
    id: "explainDeliveries",
    summary: "List an event's deliveries",
    description: "Returns the status for every target: delivered, waiting (and until when), failed (and why), held by a \
        pause, or not wanted (and by which filter).",
    scope: Some(KeyScope::Read),
    parameters: &[EVENT_ID],
    responses: &[SuccessResponse::json(
        200,
        "One entry for each target.",
        schema_of::<DeliveryList>,
        &[("two targets", examples::DELIVERIES)],
    )],
    errors: &EVENT_ERRORS,
    ..Operation::DEFAULT
};

/// The deliveries of one event.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Deliveries")]
pub(crate) struct DeliveryList {
    /// The event's id.
    event: EventId,
    /// One entry for each target, sorted by name. Targets that were removed after the event was delivered to them are
    /// included.
    deliveries: Vec<DeliveryExplanation>,
}

/// The delivery of the event to one target.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Delivery")]
struct DeliveryExplanation {
    /// The target's name.
    target: String,
    /// Status of the delivery.
    status: DeliveryStatus,
    /// Human-readable reason for the status.
    reason: String,
    /// The target's field that rejected the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'static str>,
    /// The attempts, oldest first.
    attempts: Vec<Attempt>,
    /// Time at which the next attempt is due.
    next_attempt_at: Option<Timestamp>,
}

/// Status of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "DeliveryStatus")]
enum DeliveryStatus {
    /// The target responded with a 2xx status.
    Delivered,
    /// Another attempt is due.
    Waiting,
    /// The last attempt failed.
    Failed,
    /// The target is paused. The event is delivered when the target is resumed.
    Held,
    /// A filter of the target rejected the event.
    NotWanted,
}

impl From<RecordedStatus> for DeliveryStatus {
    fn from(status: RecordedStatus) -> Self {
        match status {
            RecordedStatus::Delivered => Self::Delivered,
            RecordedStatus::Waiting => Self::Waiting,
            RecordedStatus::Failed => Self::Failed,
            RecordedStatus::Held => Self::Held,
        }
    }
}

/// `GET /v1/events/{id}/deliveries`.
pub(crate) async fn explain_deliveries(
    Shared(state): Shared<State>,
    _: Read,
    Path(id): Path<String>,
) -> Result<Json<DeliveryList>, Problem> {
    let id_in_path = parse_event_id(&id)?;
    let event = state.log.events.get(id_in_path).await?.ok_or_else(|| event_not_found(&id))?;
    // Targets that were just created or removed must be visible immediately.
    let targets = state.targets.all(Duration::ZERO).await?;
    let states = state.states.all(Duration::ZERO).await?;
    let pause_of = |name: &str| states.iter().find(|state| state.name == name)?.pause.as_ref();
    let now = state.log.events.retention().now();
    let mut recorded = state.deliveries.list_by_event(event.id).await?;
    let mut deliveries: Vec<DeliveryExplanation> = Vec::new();
    for target in targets.iter() {
        let known = recorded.iter().position(|delivery| delivery.target == target.name);
        deliveries.push(match known {
            // The record belongs to a removed target of the same name.
            Some(index) if !recorded[index].is_for(target) => explain_removed(recorded.swap_remove(index)),
            Some(index) => explain_recorded(recorded.swap_remove(index), pause_of(&target.name)),
            None => explain_unrecorded(target, &event, pause_of(&target.name), now),
        });
    }
    // The remaining records belong to targets that have been removed.
    deliveries.extend(recorded.into_iter().map(explain_removed));
    deliveries.sort_by(|a, b| a.target.cmp(&b.target));
    Ok(Json(DeliveryList { event: event.id, deliveries }))
}

/// Explains a delivery to a removed target. Undelivered events are never delivered.
fn explain_removed(delivery: Delivery) -> DeliveryExplanation {
    let (is_unfinished, status) = (delivery.status.is_unfinished(), delivery.status.after_target_removal());
    let explanation = explain_recorded(delivery, None);
    if !is_unfinished {
        return explanation;
    }
    let (status, reason) = (status.into(), TARGET_REMOVED.to_owned());
    DeliveryExplanation { status, reason, next_attempt_at: None, ..explanation }
}

/// Explains a delivery that has a record.
fn explain_recorded(delivery: Delivery, pause: Option<&Pause>) -> DeliveryExplanation {
    let count = delivery.count;
    let last = delivery.attempts.last();
    let why = last.and_then(|attempt| attempt.error.clone()).unwrap_or_else(|| "no reason was recorded".to_owned());
    let reason = match delivery.status {
        RecordedStatus::Delivered => format!("accepted at attempt {count}"),
        RecordedStatus::Waiting if delivery.made == 0 => match &delivery.run {
            Some(run) => format!("the first attempt of the replay or retry {run} is due"),
            None => "the first attempt is due".to_owned(),
        },
        RecordedStatus::Waiting => {
            let then =
                pause.map(|_| "; the target is paused: the next attempt is held when it is due").unwrap_or_default();
            format!("attempt {count} failed: {why}{then}")
        }
        RecordedStatus::Failed => format!("gave up after attempt {count}: {why}"),
        RecordedStatus::Held => held_reason(pause),
    };
    DeliveryExplanation {
        target: delivery.target,
        status: delivery.status.into(),
        reason,
        filter: None,
        attempts: delivery.attempts,
        next_attempt_at: delivery.next_attempt_at,
    }
}

/// Returns the reason for which a delivery is held.
fn held_reason(pause: Option<&Pause>) -> String {
    match pause {
        Some(pause) => format!("the target is paused since {}: {}", pause.since, pause.reason),
        None => "the target was paused; a replay delivers what was held".to_owned(),
    }
}

/// Explains a delivery without a record, by the target's filter.
fn explain_unrecorded(target: &Target, event: &Event, pause: Option<&Pause>, now: Timestamp) -> DeliveryExplanation {
    let (status, reason, filter) = match target.accepts(event, now) {
        Ok(()) => match status_before_attempt(pause.is_some(), target.is_tested_by(event)) {
            RecordedStatus::Held => (DeliveryStatus::Held, held_reason(pause), None),
            status => (status.into(), "the first attempt is due".to_owned(), None),
        },
        Err(mismatch) => (DeliveryStatus::NotWanted, mismatch.reason, Some(mismatch.filter)),
    };
    DeliveryExplanation {
        target: target.name.clone(),
        status,
        reason,
        filter,
        attempts: Vec::new(),
        next_attempt_at: None,
    }
}
