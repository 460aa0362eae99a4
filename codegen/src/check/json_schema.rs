//! The `jsonschema` crate, with the options that all checks use: no network, formats asserted.

use jsonschema::canonical::{self, CanonicalSchema};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

/// Compiles a validator for a self-contained schema.
///
/// # Errors
///
/// Returns the reason why the schema is invalid.
pub(super) fn compile_validator(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    jsonschema::options().offline().should_validate_formats(true).build(schema)
}

/// Returns the canonical form of a self-contained schema, which describes the set of values that it
/// accepts, or `None` if `jsonschema` cannot canonicalize the schema.
pub(super) fn canonicalize(schema: &Value) -> Option<CanonicalSchema> {
    canonical::options().offline().should_validate_formats(true).canonicalize(schema).ok()
}
