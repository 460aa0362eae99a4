//! Tidings in one process: all six functions, DynamoDB and SQS on a laptop.

mod demo;
pub mod dev;
mod dynamodb;
mod keys;
pub mod openapi;
mod pollers;
pub mod reshard;
mod sqlite;
mod sqs;
mod tables;
mod terminal;
