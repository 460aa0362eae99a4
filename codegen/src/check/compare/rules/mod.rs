//! Rules: the edits between two versions of a schema.
//!
//! `schema_diff` walks both schemas in parallel and is the only recursive module. The other modules
//! hold the rules for one kind of keyword; they compare a single pair of schemas and record edits.

mod branch_rules;
mod edit_recorder;
mod property_rules;
mod schema_diff;
mod schema_pair;
mod subschema_rules;
mod value_rules;

pub(super) use schema_diff::{diff_schemas, whole_schema_edit};
