//! The handler of `POST /v1/events`.

use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequestParts, State as Shared};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use events::{Catalog, EventId, Rejection};
use model::Source;
use tokio::time::Instant;
use web::{Caller, Ingest, Problem, require_json_accepted};

use crate::body_error::BodyError;
use crate::content_encoding::{DecompressError, body_too_large, decompress};
use crate::event_outcome::{EventOutcome, WriteResult};
use crate::forwarded::find_forwarded;
use crate::metrics::RequestMetrics;
use crate::nudger::{Nudge, Nudger};
use crate::request_body::{MAX_EVENTS_PER_REQUEST, RequestBody, RequestContext};
use crate::response::{
    batch_response, invalid_body, length_required, no_source, not_acceptable, single_response, source_removed,
    too_many_events,
};
use crate::state::State;
use crate::store_or_quarantine::EventWriter;

/// The start of a request. As the first argument of a handler, it includes the time that authentication takes.
pub(crate) struct Started(Instant);

impl<S: Sync> FromRequestParts<S> for Started {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Instant::now()))
    }
}

/// `POST /v1/events`: stores or quarantines the events of the body.
pub(crate) async fn post_events(
    Started(started): Started,
    Shared(state): Shared<State>,
    Ingest(caller): Ingest,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let deadline = started + state.write_timeout;
    let body = body.map_err(web::unreadable_body)?;
    let has_length = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING].iter().any(|name| headers.contains_key(name));
    if body.is_empty() && !has_length {
        return Err(length_required());
    }
    let (source, nudge) = tokio::join!(find_source(&state, &caller), Nudger::start(state.nudger.as_ref()));
    let source = source?;
    let catalog = events::catalog(&source.catalog);
    let hint = catalog.and_then(Catalog::hint);
    let writer = EventWriter {
        state: &state,
        catalog,
        catalog_name: &source.catalog,
        deadline,
        nudge: nudge.as_ref().map(|nudge| nudge.number),
        receipt: fastrand::u128(..),
    };
    let context = RequestContext { source: &source.name, received_at: (state.clock)(), headers: &headers };
    let mut metrics = RequestMetrics::new(&source.name, body.len());

    // A body that cannot be decompressed is quarantined as received.
    let (body, decompressed) = match decompress(&headers, body.clone()).await {
        Ok(decompressed) => (decompressed, Ok(())),
        Err(DecompressError::TooLarge) => return Err(body_too_large()),
        Err(DecompressError::Invalid(error)) => (body, Err(error)),
    };
    let split = decompressed.and_then(|()| {
        require_json_accepted(&headers).map_err(|problem| not_acceptable(&problem))?;
        context.split(&body)
    });
    let response = match split {
        Ok(RequestBody::Batch(events)) if events.len() > MAX_EVENTS_PER_REQUEST => {
            return Err(too_many_events());
        }
        Ok(RequestBody::Batch(events)) => {
            let outcomes = metrics.add_all(writer.write_all(events).await);
            send_nudge(nudge, &outcomes, &mut metrics).await;
            batch_response(outcomes)
        }
        Ok(RequestBody::Single(event)) => {
            let written = match find_forwarded(&state, &headers, &event.raw).await {
                Some(id) => WriteResult { outcome: EventOutcome::Duplicate { id }, write_units: 0.0 },
                None => writer.write(*event).await,
            };
            let outcome = metrics.add(written);
            send_nudge(nudge, std::slice::from_ref(&outcome), &mut metrics).await;
            single_response(outcome, hint)
        }
        Err(BodyError { problem_type, violation }) => {
            let rejection = Rejection { event_type: None, violations: vec![violation] };
            let quarantined = writer.quarantine(&context.raw_event(&body), rejection).await;
            Err(invalid_body(problem_type, metrics.add(quarantined), hint))
        }
    };
    metrics.log();
    response
}

/// Announces the stored events to fanout. An event that was stored before was announced then.
async fn send_nudge(nudge: Option<Nudge<'_>>, outcomes: &[EventOutcome], metrics: &mut RequestMetrics<'_>) {
    let stored = outcomes.iter().filter_map(|outcome| match outcome {
        EventOutcome::Stored { id } => Some(*id),
        _ => None,
    });
    let stored: Vec<EventId> = stored.collect();
    if let Some(nudge) = nudge.filter(|_| !stored.is_empty())
        && !nudge.send(stored).await
    {
        metrics.count_failed_nudge();
    }
}

/// Returns the source of the caller's key.
pub(crate) async fn find_source(state: &State, caller: &Caller) -> Result<Source, Problem> {
    let Some(name) = &caller.source else { return Err(no_source(&caller.key)) };
    state
        .sources
        .find(|source| caller.record().is_some_and(|key| key.is_for(source)))
        .await?
        .ok_or_else(|| source_removed(name))
}
