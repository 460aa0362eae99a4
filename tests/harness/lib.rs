//! What the end-to-end tests stand on: the local stack as a process, a client, and a receiver.

mod api;
mod deployed;
mod dynamodb;
mod examples;
mod raw;
mod receiver;
mod stack;

use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use api::{Answer, Api};
pub use deployed::Deployment;
pub use dynamodb::{FakeDynamoDb, Item};
pub use examples::{Example, examples, unleash_event};
pub use raw::{Hostile, answering, hostile};
pub use receiver::{Received, Receiver};
pub use stack::Stack;

/// What `find` finds, as soon as it does; panics where it has not after `limit`.
///
/// # Panics
/// Where nothing is found in time.
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
            assert!(Instant::now() < end, "{caller}: not within {limit:?}: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Cargo's target folder, which this program was built in.
///
/// # Panics
/// Where it does not run from cargo's folders.
pub fn target_dir() -> PathBuf {
    // target/<profile>/deps/<program>
    let program = std::env::current_exe().expect("this program's path");
    program.ancestors().nth(3).expect("cargo's target folder").to_owned()
}
