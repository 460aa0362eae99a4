//! Tests of the generator, and of the `codegen` program.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up fails")]

mod catalog_check;
mod check;
mod docs;
mod generate;
