//! Answers that name a fault of the machine: a full disk is not a busy database.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use web::{Problem, ProblemType};

use crate::dynamodb::DynamoDb;
use crate::health::Health;

/// Path of the readiness check.
const HEALTH_PATH: &str = "/healthz";

/// The state of the middleware.
#[derive(Debug, Clone)]
pub(super) struct HealthCheck {
    pub(super) health: Health,
    pub(super) dynamodb: DynamoDb,
}

/// Answers the readiness check with 503 while there is a fault, and replaces the details of other failed answers by the
/// fault.
pub(super) async fn apply(State(check): State<HealthCheck>, request: Request, next: Next) -> Response {
    if request.uri().path() == HEALTH_PATH && check.health.fault().is_some() {
        // The fault may be over.
        check.dynamodb.probe().await;
        if let Some(fault) = check.health.fault() {
            return Problem::new(ProblemType::Unavailable, fault.to_string()).into_response();
        }
    }
    let response = next.run(request).await;
    match check.health.fault() {
        Some(fault) if response.status().is_server_error() => {
            Problem::new(ProblemType::Unavailable, fault.to_string()).into_response()
        }
        _ => response,
    }
}
