//! Retrying throttled calls to DynamoDB.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;

/// Upper bound of the first delay. It doubles with each retry.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(25);
/// Upper bound of every delay.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Calls `attempt`, and retries it until `deadline` while it fails with [`Error::Busy`].
///
/// The delays are random, so that callers that were throttled together do not retry together.
pub(crate) async fn retry_throttled<T, F>(
    deadline: Instant,
    operation: &'static str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut max_delay = FIRST_RETRY_DELAY;
    loop {
        let error = match tokio::time::timeout_at(deadline, attempt()).await {
            Err(_) => return Err(Error::Busy { operation }),
            Ok(Err(error @ Error::Busy { .. })) => error,
            Ok(done) => return done,
        };
        let delay = max_delay.mul_f64(fastrand::f64());
        if Instant::now() + delay >= deadline {
            return Err(error);
        }
        tokio::time::sleep(delay).await;
        max_delay = (max_delay * 2).min(MAX_RETRY_DELAY);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const BUSY: Error = Error::Busy { operation: "PutItem" };

    #[tokio::test(start_paused = true)]
    async fn throttled_calls_are_retried() {
        let tried = Cell::new(0);
        let done = retry_throttled(Instant::now() + Duration::from_mins(1), "PutItem", || async {
            tried.set(tried.get() + 1);
            if tried.get() < 10 { Err(BUSY) } else { Ok(tried.get()) }
        });
        assert_eq!(done.await.unwrap(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_is_retried_after_the_deadline() {
        let started = Instant::now();
        for hangs in [false, true] {
            let deadline = Instant::now() + Duration::from_secs(5);
            let done = retry_throttled::<(), _>(deadline, "PutItem", || async move {
                if hangs { std::future::pending().await } else { Err(BUSY) }
            });
            assert!(matches!(done.await, Err(Error::Busy { .. })));
            assert!(Instant::now() <= deadline);
        }
        assert!(started.elapsed() > Duration::from_secs(5), "it was retried for a while");
    }

    #[tokio::test]
    async fn other_errors_are_not_retried() {
        let tried = Cell::new(0);
        let done = retry_throttled::<(), _>(Instant::now() + Duration::from_mins(1), "PutItem", || async {
            tried.set(tried.get() + 1);
            Err(Error::Exists("x".to_owned()))
        });
        assert!(matches!(done.await, Err(Error::Exists(_))));
        assert_eq!(tried.get(), 1);
    }
}
