//! Answers that name a fault of the machine: a full disk is not a busy database.

use std::path::PathBuf;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use web::{Problem, ProblemType};

use crate::health::Health;
use crate::stop_signal::StopSignal;

/// Interval in which a fault is checked.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// Path of the readiness check.
const HEALTH_PATH: &str = "/healthz";

/// The state of the middleware.
#[derive(Debug, Clone)]
pub(super) struct HealthCheck {
    pub(super) health: Health,
    /// The data folder.
    pub(super) folder: PathBuf,
}

impl HealthCheck {
    /// Finds out whether a fault is over.
    async fn probe(&self) {
        let check = self.clone();
        // A panic leaves the fault unchanged.
        drop(tokio::task::spawn_blocking(move || check.health.probe(&check.folder)).await);
    }

    /// Probes regularly until `stop`.
    pub(super) async fn run(self, mut stop: StopSignal) {
        loop {
            tokio::select! {
                () = stop.stopped() => return,
                () = tokio::time::sleep(PROBE_INTERVAL) => self.probe().await,
            }
        }
    }
}

/// Answers the readiness check with 503 while there is a fault, and replaces the details of other failed answers by the
/// fault.
pub(super) async fn apply(State(check): State<HealthCheck>, request: Request, next: Next) -> Response {
    if request.uri().path() == HEALTH_PATH && check.health.fault().is_some() {
        check.probe().await;
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
