//! The local stack, from outside: the `tidings` program, HTTP, and a receiver.

mod bad_input;
mod costs;
mod crash;
mod deduplication;
mod demo;
mod flow;
mod ingest_formats;
mod keys;
mod openapi;
mod quarantine;
mod read_api;
mod reshard;
mod responses;
mod retention;
mod search;
mod segments;
mod timeline;
mod unleash_api;
mod unpacked_scan;
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
