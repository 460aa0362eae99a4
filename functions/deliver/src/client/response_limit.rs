//! Limits on what is received before a response is complete.
//!
//! hyper limits the size of response headers, and a body is cut. It limits neither the number nor the size of interim
//! (1xx) responses, so that a target could keep a worker busy with them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::error::{Failure, FailureClass};

/// Maximum number of interim responses to a request.
const MAX_INTERIM_RESPONSES: u32 = 100;

/// Maximum number of bytes that an HTTP/1 connection receives for one response: the headers, the part of the body that
/// is read, and what is read ahead.
const MAX_HTTP1_BYTES: usize = 256 * 1024;

/// Maximum number of bytes that an HTTP/2 connection receives between two complete responses. Concurrent requests share
/// the connection.
const MAX_HTTP2_BYTES: usize = 3 * 1024 * 1024;

/// The number of bytes that a connection may still receive.
#[derive(Debug, Clone)]
pub(super) struct ReceiveBudget {
    max_bytes: usize,
    remaining: Arc<AtomicUsize>,
}

/// The error of a connection that has received too much.
#[derive(Debug, thiserror::Error)]
#[error("received {0} bytes without a complete response")]
pub(super) struct BudgetExceeded(usize);

impl ReceiveBudget {
    pub(super) fn new(is_http2: bool) -> Self {
        let max_bytes = if is_http2 { MAX_HTTP2_BYTES } else { MAX_HTTP1_BYTES };
        Self { max_bytes, remaining: Arc::new(AtomicUsize::new(max_bytes)) }
    }

    /// Subtracts received bytes. Fails if nothing remains.
    pub(super) fn spend(&self, bytes: usize) -> io::Result<()> {
        let subtract = |remaining: usize| remaining.checked_sub(bytes).filter(|remaining| *remaining > 0);
        match self.remaining.fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::other(BudgetExceeded(self.max_bytes))),
        }
    }

    /// Restores the budget after a complete response.
    pub(super) fn restore(&self) {
        self.remaining.store(self.max_bytes, Ordering::Relaxed);
    }
}

impl BudgetExceeded {
    /// Returns whether an error has this cause. h2 keeps the text of an error only.
    pub(super) fn caused(error: &io::Error) -> bool {
        error
            .get_ref()
            .is_some_and(|inner| inner.is::<Self>() || inner.to_string().contains("without a complete response"))
    }
}

/// Counts the interim responses to a request over HTTP/1.
#[derive(Debug, Clone, Default)]
pub(super) struct InterimLimit {
    received: Arc<AtomicU32>,
    is_exceeded: Arc<Notify>,
}

impl InterimLimit {
    /// Counts the interim responses to a request from now on.
    pub(super) fn watch<B>(request: &mut http::Request<B>) -> Self {
        let limit = Self::default();
        let counted = limit.clone();
        hyper::ext::on_informational(request, move |_| {
            if counted.received.fetch_add(1, Ordering::Relaxed) == MAX_INTERIM_RESPONSES {
                counted.is_exceeded.notify_one();
            }
        });
        limit
    }

    /// Waits until there are too many interim responses.
    pub(super) async fn exceeded(&self) -> Failure {
        self.is_exceeded.notified().await;
        let message = format!("received more than {MAX_INTERIM_RESPONSES} interim (1xx) responses and no final one");
        Failure::new(FailureClass::Exchange, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends_and_is_restored() {
        let budget = ReceiveBudget::new(false);
        budget.spend(MAX_HTTP1_BYTES - 1).unwrap();
        let error = budget.spend(1).unwrap_err();
        assert!(BudgetExceeded::caused(&error), "{error}");
        assert!(BudgetExceeded::caused(&io::Error::other(error.to_string())));
        budget.restore();
        budget.spend(1).unwrap();
    }
}
