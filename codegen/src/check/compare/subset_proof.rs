//! Subset proofs: whether a reader accepts every value of a writer, proven or refuted by a
//! counterexample.

use std::cell::OnceCell;

use jsonschema::Validator;
use jsonschema::canonical::{CanonicalSchema, Containment};
use serde_json::Value;

use super::closed_schema::close_schema;
use super::counterexample::simplify_counterexample;
use crate::check::json_schema::{canonicalize, compile_validator};
use crate::check::sampler::Sampler;

/// Maximum number of values that are sampled in the search for a counterexample.
const MAX_SAMPLES: usize = 60;

/// The answer to the question whether the values of a writer are a subset of those of a reader.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Subset {
    /// Proven: the reader accepts every value of the writer.
    Yes,
    /// Refuted, with a value that the writer accepts and the reader rejects, if one was found.
    No(Option<Value>),
    /// Neither proven nor refuted.
    Unknown,
}

/// A schema as a reader or a writer of values. Its derived forms are computed on demand, because some
/// of them take milliseconds.
#[derive(Debug)]
pub(super) struct SchemaSide {
    schema: Value,
    validator: OnceCell<Option<Validator>>,
    canonical: OnceCell<Option<CanonicalSchema>>,
    closed: OnceCell<Box<SchemaSide>>,
}

impl SchemaSide {
    pub(super) fn new(schema: Value) -> Self {
        Self { schema, validator: OnceCell::new(), canonical: OnceCell::new(), closed: OnceCell::new() }
    }

    /// Returns whether the schema accepts the value.
    pub(super) fn accepts(&self, value: &Value) -> bool {
        let validator = self.validator.get_or_init(|| compile_validator(&self.schema).ok());
        validator.as_ref().is_some_and(|validator| validator.is_valid(value))
    }

    fn canonical(&self) -> Option<&CanonicalSchema> {
        self.canonical.get_or_init(|| canonicalize(&self.schema)).as_ref()
    }

    /// Returns the schema without unknown fields.
    fn closed(&self) -> &Self {
        self.closed.get_or_init(|| Box::new(Self::new(close_schema(&self.schema))))
    }
}

/// Returns whether `reader` provably accepts every value that `writer` accepts.
pub(super) fn is_proven_subset(reader: &SchemaSide, writer: &SchemaSide) -> bool {
    containment(reader, writer) == Some(Containment::Yes)
}

fn containment(reader: &SchemaSide, writer: &SchemaSide) -> Option<Containment> {
    reader.canonical()?.covers(writer.canonical()?).ok()
}

/// Decides whether `reader` accepts every value of `writer`. If `declared_fields_only` is true, the
/// writer is assumed to write only fields that its schema declares.
pub(super) fn prove_subset(reader: &SchemaSide, writer: &SchemaSide, declared_fields_only: bool) -> Subset {
    let written = if declared_fields_only { writer.closed() } else { writer };
    let proof = containment(reader, written);
    if proof == Some(Containment::Yes) {
        return Subset::Yes;
    }
    let refutes = |value: &Value| !reader.accepts(value) && writer.accepts(value) && written.accepts(value);
    let examples = examples(&writer.schema);
    let counterexample = examples
        .iter()
        .find(|value| refutes(value))
        .cloned()
        .or_else(|| sample_difference(reader, written, refutes))
        .or_else(|| {
            let sampler = Sampler::new(&written.schema, 1);
            let sampler = match declared_fields_only {
                true => sampler,
                false => sampler.with_name_patterns(field_patterns(&reader.schema)),
            };
            find_sample(sampler, refutes)
        });
    match (counterexample, proof) {
        (Some(value), _) => Subset::No(Some(simplify_counterexample(value, &examples, refutes))),
        (None, Some(Containment::No)) => Subset::No(None),
        (None, _) => Subset::Unknown,
    }
}

/// Finds a value that `writer` accepts and `reader` rejects, and that has `value` at the position which
/// the schema at `at`, a JSON Pointer into the writer's schema, describes.
pub(super) fn find_refuting_value(reader: &SchemaSide, writer: &SchemaSide, at: &str, value: &Value) -> Option<Value> {
    let mut fixed = writer.schema.clone();
    fixed.pointer_mut(at)?.as_object_mut()?.insert("const".to_owned(), value.clone());
    let refutes = |value: &Value| writer.accepts(value) && !reader.accepts(value);
    find_sample(Sampler::new(&close_schema(&fixed), 1), refutes)
        .map(|found| simplify_counterexample(found, &examples(&writer.schema), refutes))
}

/// Samples the difference between the written values and those that `reader` accepts.
fn sample_difference(reader: &SchemaSide, written: &SchemaSide, refutes: impl Fn(&Value) -> bool) -> Option<Value> {
    let difference = written.canonical()?.subtract(reader.canonical()?).ok()?.to_json_schema();
    find_sample(Sampler::new(&difference, 1), refutes)
}

fn find_sample(mut sampler: Sampler<'_>, refutes: impl Fn(&Value) -> bool) -> Option<Value> {
    (0..MAX_SAMPLES).map(|_| sampler.sample()).find(|value| refutes(value))
}

fn examples(schema: &Value) -> Vec<Value> {
    schema.get("examples").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Returns the patterns for field names in a schema and its subschemas.
fn field_patterns(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(object) => {
            let own =
                object.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(|named| named.keys());
            own.cloned().chain(object.values().flat_map(field_patterns)).collect()
        }
        Value::Array(items) => items.iter().flat_map(field_patterns).collect(),
        _ => Vec::new(),
    }
}
