//! Trying again what DynamoDB could not do at once.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;

/// The first wait; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(25);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(1);

/// What `attempt` gives, tried again until `deadline` as long as it fails for a reason that passes.
///
/// Waits are random up to their length, so that those who were throttled together do not come back
/// together.
pub(crate) async fn until<T, F>(
    deadline: Instant,
    operation: &'static str,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut wait = FIRST;
    loop {
        let error = match tokio::time::timeout_at(deadline, attempt()).await {
            Err(_) => return Err(Error::Busy { operation }),
            Ok(Err(error @ Error::Busy { .. })) => error,
            Ok(done) => return done,
        };
        let random = wait.mul_f64(fastrand::f64());
        if Instant::now() + random >= deadline {
            return Err(error);
        }
        tokio::time::sleep(random).await;
        wait = (wait * 2).min(LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const BUSY: Error = Error::Busy { operation: "PutItem" };

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_again() {
        let tried = Cell::new(0);
        let done = until(Instant::now() + Duration::from_mins(1), "PutItem", || async {
            tried.set(tried.get() + 1);
            if tried.get() < 10 { Err(BUSY) } else { Ok(tried.get()) }
        });
        assert_eq!(done.await.unwrap(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_tried_past_the_deadline() {
        let started = Instant::now();
        for hangs in [false, true] {
            let deadline = Instant::now() + Duration::from_secs(5);
            let done = until::<(), _>(deadline, "PutItem", || async move {
                if hangs { std::future::pending().await } else { Err(BUSY) }
            });
            assert!(matches!(done.await, Err(Error::Busy { .. })));
            assert!(Instant::now() <= deadline);
        }
        assert!(started.elapsed() > Duration::from_secs(5), "it was tried for a while");
    }

    #[tokio::test]
    async fn what_does_not_pass_is_not() {
        let tried = Cell::new(0);
        let done = until::<(), _>(Instant::now() + Duration::from_mins(1), "PutItem", || async {
            tried.set(tried.get() + 1);
            Err(Error::Exists("x".to_owned()))
        });
        assert!(matches!(done.await, Err(Error::Exists(_))));
        assert_eq!(tried.get(), 1);
    }
}
