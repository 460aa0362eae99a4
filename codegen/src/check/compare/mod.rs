//! Comparison of two versions of a schema: its changes, and whether they are compatible.
//!
//! For each change there are two questions. Does the new schema accept the values of the old one
//! (backward compatible)? Does the old schema accept the values of the new one (forward compatible)?
//!
//! `rules` finds the edits, each with a named rule. `subset_proof` decides what an edit does:
//! `structural_proof` or `jsonschema::canonical` proves that one schema accepts every value of the
//! other, or a counterexample is found. A change without a proof is incompatible. The work is limited by
//! `proof_budget`, whatever the schemas are.

mod comparison;
#[cfg(test)]
mod comparison_tests;
mod compatibility;
mod counterexample;
mod disjointness;
mod draft_upgrade;
mod edit;
mod equivalence;
#[cfg(test)]
mod fuzz_tests;
mod inlined_reference;
mod pattern_inclusion;
mod proof_budget;
mod rules;
mod schema_view;
mod structural_proof;
mod subset_proof;
mod value_implication;
mod written_fields;
mod written_value;

pub(super) use comparison::compare_schemas;
pub use compatibility::Compatibility;
