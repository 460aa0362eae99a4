//! How every function logs.

use tracing_subscriber::EnvFilter;

/// Logs as JSON lines on standard output, filtered by `RUST_LOG` (default `info`).
pub fn log_as_json() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).flatten_event(true).init();
}
