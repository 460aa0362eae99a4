#![doc = include_str!("../README.md")]

mod bundle;
mod catalog;
mod catalog_file;
mod catalog_module;
#[cfg(feature = "check")]
pub mod check;
mod dialect;
mod field_names;
mod generator;
mod json_pointer;
mod keyword;
mod nullable_field;
mod problem;
mod reference;
mod registry;
mod schema_files;
mod schema_merge;
mod summary_template;
mod type_shape;

pub use catalog_file::{CatalogFile, CompatibilityLevel, FieldPath, Scope, ScopeMap, ScopeRule, StringPart};
pub use generator::generate;
pub use problem::{Problem, Problems};
