//! Keeping what was sent: in the log where it fits its schema, else in the quarantine.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use events::{Catalog, Event, EventId, Fingerprint, Refused, Violation};
use futures::StreamExt;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use store::Put;
use web::{Caller, Ingest, Kind, Problem};

use crate::State;
use crate::body::{MAX_EVENTS, Sent, check_media_type, split};

/// How many events of a request are written at the same time.
const TOGETHER: usize = 16;

/// A producer, its catalog, and when its request came.
struct Sender {
    source: String,
    catalog: &'static Catalog,
    received_at: Timestamp,
}

/// The answer to one event that is in the log.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Kept {
    /// The event's id.
    id: EventId,
}

/// The answer to an array of events.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Results {
    /// What became of each event, in the order in which they were sent.
    results: Vec<Outcome>,
}

/// What became of one event.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
#[schemars(rename = "EventResult")]
pub(crate) enum Outcome {
    /// It is in the log.
    Stored {
        /// The event's id.
        id: EventId,
    },
    /// It was in the log already, and stands there once.
    Duplicate {
        /// The id that it has had since.
        id: EventId,
    },
    /// It does not fit its schema: it is kept in the quarantine.
    Quarantined {
        /// Its id in the quarantine.
        quarantine: String,
        /// Everything that is wrong with it.
        violations: Vec<Violation>,
    },
    /// Neither the log nor the quarantine has it.
    NotKept {
        /// Why.
        problem: Problem,
    },
}

impl From<Problem> for Outcome {
    fn from(problem: Problem) -> Self {
        Self::NotKept { problem }
    }
}

/// `POST /v1/events`.
pub(crate) async fn post_events(
    Shared(state): Shared<State>,
    Ingest(caller): Ingest,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    check_media_type(&headers)?;
    let body = body.map_err(web::unreadable)?;
    let sender = sender(&state, &caller).await?;
    match split(&body) {
        Err(violation) => not_json(&state, &sender, violation, &body).await,
        Ok(Sent::One(event)) => answer_one(keep(&state, &sender, event).await),
        Ok(Sent::Batch(events)) if events.len() > MAX_EVENTS => Err(too_many(events.len())),
        Ok(Sent::Batch(events)) => {
            let outcomes: Vec<_> = events.into_iter().map(|event| keep(&state, &sender, event)).collect();
            answer_batch(futures::stream::iter(outcomes).buffered(TOGETHER).collect().await)
        }
    }
}

async fn sender(state: &State, caller: &Caller) -> Result<Sender, Problem> {
    let gone = |why: String| Problem::new(Kind::Forbidden, why);
    let name = caller.source.clone().ok_or_else(|| gone(format!("The key {:?} is bound to no source", caller.key)))?;
    let source = state.sources.find(|source| source.name == name).await?;
    let source = source.ok_or_else(|| source_gone(&name))?;
    let catalog = events::catalog(&source.catalog).ok_or_else(|| {
        gone(format!("The source {name:?} is of the catalog {:?}, which this version does not have", source.catalog))
    })?;
    Ok(Sender { source: source.name, catalog, received_at: (state.clock)() })
}

/// The problem of a key whose source is not there.
pub(crate) fn source_gone(name: &str) -> Problem {
    Problem::new(Kind::Forbidden, format!("The source {name:?} of this key was removed"))
}

/// Keeps one event.
async fn keep(state: &State, sender: &Sender, sent: &RawValue) -> Outcome {
    let payload = sent.get().as_bytes();
    let reading = match sender.catalog.read(payload, sender.received_at) {
        Ok(reading) => reading,
        Err(refused) => return quarantine(state, sender, refused, payload).await,
    };
    let fingerprint =
        Fingerprint::of(&sender.source, &reading.fields.event_type, reading.producer_id.as_ref(), payload);
    let slot = events::first_slot(reading.producer_id.as_ref(), fingerprint);
    let Some(id) = EventId::at(reading.fields.time, slot) else {
        // The catalog refuses such times: this is for a clock that runs past 2069.
        let problem =
            Problem::new(Kind::Unavailable, format!("No id can be made for the time {}", reading.fields.time));
        return problem.into();
    };
    let event = Event {
        id,
        source: sender.source.clone(),
        catalog: sender.catalog.name().to_owned(),
        received_at: sender.received_at,
        fields: reading.fields,
        payload: payload.to_vec(),
    };
    match state.events.put(&event, &fingerprint).await {
        Ok(Put::Stored(id)) => {
            tracing::info!(event = id.as_u64(), source = event.source, r#type = event.fields.event_type, "stored");
            Outcome::Stored { id }
        }
        Ok(Put::Duplicate(id)) => Outcome::Duplicate { id },
        Err(error) => Problem::from(error).into(),
    }
}

/// Keeps what fits no schema, with the reasons.
async fn quarantine(state: &State, sender: &Sender, refused: Refused, body: &[u8]) -> Outcome {
    let Refused { event_type, violations } = refused;
    let kept = state.quarantine.put(&sender.source, sender.received_at, event_type.as_deref(), &violations, body).await;
    match kept {
        Ok(id) => {
            tracing::warn!(quarantine = id, source = sender.source, r#type = event_type, "quarantined");
            Outcome::Quarantined { quarantine: id, violations }
        }
        Err(error) => Problem::from(error).into(),
    }
}

/// The answer to a body that is no JSON: kept all the same, since its producer sends it once.
async fn not_json(state: &State, sender: &Sender, violation: Violation, body: &[u8]) -> Result<Response, Problem> {
    let refused = Refused { event_type: None, violations: vec![violation.clone()] };
    match quarantine(state, sender, refused, body).await {
        Outcome::Quarantined { quarantine, .. } => Err(unread(&quarantine, &violation)),
        Outcome::NotKept { problem } => Err(problem),
        // Only an event becomes the others.
        Outcome::Stored { .. } | Outcome::Duplicate { .. } => Err(Problem::new(Kind::BadRequest, violation.message)),
    }
}

/// The problem of a body that is no JSON.
pub(crate) fn unread(quarantine: &str, violation: &Violation) -> Problem {
    Problem::new(Kind::BadRequest, violation.message.as_str())
        .with("quarantine", quarantine)
        .with("violations", json!([violation]))
}

fn answer_one(outcome: Outcome) -> Result<Response, Problem> {
    match outcome {
        Outcome::Stored { id } => Ok((StatusCode::CREATED, Json(Kept { id })).into_response()),
        Outcome::Duplicate { id } => Ok((StatusCode::OK, Json(Kept { id })).into_response()),
        Outcome::Quarantined { quarantine, violations } => Err(refused(&quarantine, &violations)),
        Outcome::NotKept { problem } => Err(problem),
    }
}

/// The problem of an array that is too long.
pub(crate) fn too_many(events: usize) -> Problem {
    let detail = format!("The array has {events} events: send at most {MAX_EVENTS} in one request");
    Problem::new(Kind::TooLarge, detail)
}

/// The problem of an event that fits no schema.
pub(crate) fn refused(quarantine: &str, violations: &[Violation]) -> Problem {
    let detail = "The event does not fit its schema: it is kept in the quarantine, with these reasons";
    Problem::new(Kind::Refused, detail).with("quarantine", quarantine).with("violations", json!(violations))
}

fn answer_batch(results: Vec<Outcome>) -> Result<Response, Problem> {
    let again = results
        .iter()
        .any(|o| matches!(o, Outcome::NotKept { problem } if problem.status() == StatusCode::SERVICE_UNAVAILABLE));
    let all_stored = results.iter().all(|o| matches!(o, Outcome::Stored { .. } | Outcome::Duplicate { .. }));
    if again {
        return Err(not_all_kept(&results));
    }
    let status = if all_stored { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    Ok((status, Json(Results { results })).into_response())
}

/// The problem of an array that is to be sent again.
pub(crate) fn not_all_kept(results: &[Outcome]) -> Problem {
    let detail = "Not every event could be kept: send the request again, what is stored will not be stored twice";
    Problem::new(Kind::Unavailable, detail).with("results", json!(results))
}
