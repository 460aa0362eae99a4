//! End-to-end tests of the local stack: the `tidings` program, its HTTP API and webhook receivers.

mod bad_input;
mod costs;
mod crash;
mod damage;
mod deduplication;
mod demo;
mod deployment;
mod flow;
mod ingest_formats;
mod keys;
mod local_aws;
mod openapi;
mod quarantine;
mod read_api;
mod reshard;
mod responses;
mod retention;
mod search;
mod segments;
mod set_clocks;
mod termination;
mod text_search;
mod timeline;
mod tour;
mod unleash_api;
mod unpacked_scan;
mod webhooks;

use e2e::Stack;

/// Starts an empty local stack with as many shards as on AWS.
async fn start() -> Stack {
    start_with(&[]).await
}

/// Starts the stack with additional arguments.
async fn start_with(arguments: &[&str]) -> Stack {
    Stack::start(env!("CARGO_BIN_EXE_tidings"), &[&["--shards", "4"], arguments].concat()).await
}
