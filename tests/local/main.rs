//! The local stack, from outside: the `tidings` program, HTTP, and a receiver.

mod answers;
mod bad_input;
mod costs;
mod crash;
mod delivery;
mod duplicates;
mod flow;
mod forms;
mod keys;
mod openapi;
mod quarantine;
mod query;
mod reshard;
mod retention;
mod search;
mod segments;
mod timeline;
mod unleash;
mod unpacked;
mod webhooks;

use e2e::Stack;

/// A local stack with nothing in it, and as many partitions as on AWS.
async fn start() -> Stack {
    start_with(&[]).await
}

/// The same, with further arguments.
async fn start_with(arguments: &[&str]) -> Stack {
    Stack::start(env!("CARGO_BIN_EXE_tidings"), &[&["--shards", "4"], arguments].concat()).await
}
