//! Checks of schemas, and reference pages for them: the commands of `codegen` and
//! `tidings schemas`.

mod catalog_changes;
pub mod cli;
mod compare;
mod docs;
mod example_rules;
mod finding;
mod folder_check;
mod git_revision;
mod json_position;
mod json_schema;
mod lint;
mod openapi;
mod report;
mod report_format;
mod round_trip;
mod sample_check;
mod sampler;
mod schema_unit;
mod text;
mod type_changes;

pub use compare::Compatibility;
pub use finding::{Change, Finding, Severity, TypeChange};
pub use folder_check::{CheckOptions, check_schemas};
pub use report::Report;
pub use sampler::Sampler;
