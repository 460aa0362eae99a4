//! Comparison of two versions of a schema: its changes, and whether they are compatible.
//!
//! For each change there are two questions. Does the new schema accept the values of the old one
//! (backward compatible)? Does the old schema accept the values of the new one (forward compatible)?
//!
//! `rules` finds the edits, each with a named rule. `subset_proof` decides what an edit does:
//! `jsonschema::canonical` proves that one schema accepts every value of the other, or a
//! counterexample is found. If neither succeeds, the rule decides, and the answer is conservative.

mod closed_schema;
mod comparison;
#[cfg(test)]
mod comparison_tests;
mod compatibility;
mod counterexample;
mod edit;
mod inlined_reference;
mod pattern_inclusion;
mod rules;
mod subset_proof;

pub(super) use comparison::compare_schemas;
pub use compatibility::Compatibility;
