//! Requests to the ingest path with an unsupported method.

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, Method, Uri};
use events::{Catalog, Rejection, Violation};
use model::{KeyScope, Source};
use tokio::time::Instant;
use web::{Problem, ProblemType};

use crate::content_encoding::{DecompressError, body_too_large, decompress};
use crate::handler::find_source;
use crate::metrics::RequestMetrics;
use crate::request_body::RequestContext;
use crate::response::invalid_body;
use crate::state::State;
use crate::store_or_quarantine::EventWriter;

/// Rejects the method. The body of a `PUT` or `PATCH` with an ingest key is quarantined: the producer has sent an event,
/// and may not send it again.
pub(crate) async fn reject_method(
    Shared(state): Shared<State>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Problem {
    let problem = web::method_not_allowed(&method, &uri);
    if ![Method::PUT, Method::PATCH].contains(&method) {
        return problem;
    }
    match state.keys.authenticate(&headers).await {
        Ok(caller) if caller.scope == KeyScope::Ingest => {
            let body = match body {
                Ok(body) if body.is_empty() => return problem,
                Ok(body) => body,
                Err(error) => return web::unreadable_body(error),
            };
            let source = match find_source(&state, &caller).await {
                Ok(source) => source,
                Err(problem) => return problem,
            };
            quarantine(&state, &source, &headers, body, problem.detail()).await
        }
        _ => problem,
    }
}

async fn quarantine(state: &State, source: &Source, headers: &HeaderMap, body: Bytes, reason: &str) -> Problem {
    let deadline = Instant::now() + state.write_timeout;
    let mut metrics = RequestMetrics::new(&source.name, body.len());
    let body = match decompress(headers, body.clone()).await {
        Ok(decompressed) => decompressed,
        Err(DecompressError::TooLarge) => return body_too_large(),
        Err(DecompressError::Invalid(_)) => body,
    };
    let catalog = events::catalog(&source.catalog);
    let receipt = fastrand::u128(..);
    let writer = EventWriter { state, catalog, catalog_name: &source.catalog, deadline, nudge: None, receipt };
    let context = RequestContext { source: &source.name, received_at: (state.clock)(), headers };
    let violation = Violation::new("", "method", format!("{reason}; send events with POST"));
    let rejection = Rejection { event_type: None, violations: vec![violation] };
    let quarantined = writer.quarantine(&context.raw_event(&body), rejection).await;
    let problem =
        invalid_body(ProblemType::MethodNotAllowed, metrics.add(quarantined), catalog.and_then(Catalog::hint));
    metrics.log();
    problem
}
