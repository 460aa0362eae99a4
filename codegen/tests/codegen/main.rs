//! The generator and the checks, from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up fails")]

mod check;
mod docs;
mod generate;
