//! The commands of the `tidings` program: the local stack, the OpenAPI document and the resharding of a log.
//!
//! The local stack runs the six functions in one process, and replaces the AWS services around
//! them: DynamoDB with its streams, SQS, and Lambda's event source mappings and schedule.
//!
//! It does not contain the functions' behavior, which is the same as on AWS (`functions/`), nor the parsing
//! of arguments (`cli`). No function depends on this crate.

mod aws;
mod aws_response;
pub mod backup;
mod data_dir;
mod demo;
pub mod dev;
mod dev_file;
mod dev_keys;
mod dynamodb;
mod event_source;
mod health;
mod http_server;
pub mod openapi;
pub mod reshard;
mod sqlite;
mod sqs;
mod stop_signal;
mod tables;
mod terminal;
mod wal_sync;

pub use tables::create_missing_tables;
