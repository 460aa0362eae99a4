//! Harness of the end-to-end tests and benchmarks: the local and the deployed stack, an API client, webhook receivers
//! and a fake DynamoDB. It contains no tests.

mod api;
mod deployment;
mod dynamodb;
mod examples;
mod hostile_receiver;
mod receiver;
mod stack;

use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use api::{Api, Response};
pub use deployment::Deployment;
pub use dynamodb::{FakeDynamoDb, Item};
pub use examples::{Example, example, examples, sample_event, unleash_event};
pub use hostile_receiver::{Hostile, hostile_receiver, raw_receiver};
pub use receiver::{Received, Receiver};
pub use stack::{Stack, dev_command};

/// Time within which every condition of a test holds, also on a machine of a quarter of the usual speed with eight busy
/// loops. Tests use it for every wait, so that no test depends on the speed of the machine.
pub const MAX_WAIT: Duration = Duration::from_mins(3);

/// Calls `find` until it returns a value, and returns that value.
///
/// # Panics
/// If `find` returns nothing within `limit`; the message names `what`.
#[track_caller]
pub fn within<T, F: Future<Output = Option<T>>>(
    limit: Duration,
    what: impl Into<String>,
    mut find: impl FnMut() -> F,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    let what = what.into();
    async move {
        let end = Instant::now() + limit;
        loop {
            if let Some(found) = find().await {
                return found;
            }
            assert!(Instant::now() < end, "{caller}: waited {limit:?} for {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Returns cargo's target folder, in which this program was built.
///
/// # Panics
/// If the program does not run from cargo's target folder.
pub fn target_dir() -> PathBuf {
    // target/<profile>/deps/<program>
    let program = std::env::current_exe().expect("this program's path");
    program.ancestors().nth(3).expect("cargo's target folder").to_owned()
}
