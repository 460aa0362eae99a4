//! Subset proofs: whether a reader accepts every value of a writer, proven or refuted by a
//! counterexample.

use std::cell::OnceCell;

use jsonschema::Validator;
use jsonschema::canonical::{CanonicalSchema, Containment, Satisfiability};
use serde_json::Value;

use super::counterexample::simplify_counterexample;
use super::proof_budget::ProofBudget;
use super::structural_proof::is_structural_subset;
use super::written_fields::WrittenFields;
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
    fields: OnceCell<WrittenFields>,
    closed: OnceCell<Box<SchemaSide>>,
}

impl SchemaSide {
    pub(super) fn new(schema: Value) -> Self {
        Self {
            schema,
            validator: OnceCell::new(),
            canonical: OnceCell::new(),
            fields: OnceCell::new(),
            closed: OnceCell::new(),
        }
    }

    fn validator(&self) -> Option<&Validator> {
        self.validator.get_or_init(|| compile_validator(&self.schema).ok()).as_ref()
    }

    /// Returns whether the schema can be compiled. If not, its values are unknown.
    pub(super) fn is_valid(&self) -> bool {
        self.validator().is_some()
    }

    /// Returns whether the schema accepts the value.
    pub(super) fn accepts(&self, value: &Value) -> bool {
        self.validator().is_some_and(|validator| validator.is_valid(value))
    }

    fn canonical(&self, budget: &ProofBudget) -> Option<&CanonicalSchema> {
        let canonicalize = || budget.allows_canonical_form(&self.schema).then(|| canonicalize(&self.schema)).flatten();
        self.canonical.get_or_init(canonicalize).as_ref()
    }

    fn fields(&self) -> &WrittenFields {
        self.fields.get_or_init(|| WrittenFields::new(&self.schema))
    }

    /// Returns the schema without unknown fields.
    fn closed(&self) -> &Self {
        self.closed.get_or_init(|| Box::new(Self::new(self.fields().close_schema(&self.schema))))
    }

    /// Returns whether some value satisfies the schema, as far as is known.
    fn is_satisfiable(&self, budget: &ProofBudget) -> bool {
        self.canonical(budget).is_none_or(|canonical| canonical.satisfiability() != Satisfiability::No)
    }
}

fn containment(reader: &SchemaSide, writer: &SchemaSide, budget: &ProofBudget) -> Option<Containment> {
    reader.canonical(budget)?.covers(writer.canonical(budget)?).ok()
}

/// Decides whether `reader` accepts every value of `writer`. If `declared_fields_only` is true, the
/// writer is assumed to write only fields that its schema declares.
pub(super) fn prove_subset(
    reader: &SchemaSide,
    writer: &SchemaSide,
    declared_fields_only: bool,
    budget: &ProofBudget,
) -> Subset {
    let fields = declared_fields_only.then(|| writer.fields());
    if is_structural_subset(&reader.schema, &writer.schema, fields, budget) {
        return Subset::Yes;
    }
    // A writer that could write nothing would be compatible with any reader.
    let is_empty = |side: &SchemaSide| !side.is_satisfiable(budget);
    let declared_fields_only = declared_fields_only && (!is_empty(writer.closed()) || is_empty(writer));
    let written = if declared_fields_only { writer.closed() } else { writer };
    let proof = containment(reader, written, budget);
    if proof == Some(Containment::Yes) || containment(reader, writer, budget) == Some(Containment::Yes) {
        return Subset::Yes;
    }
    let refutes = |value: &Value| !reader.accepts(value) && writer.accepts(value) && written.accepts(value);
    match (find_counterexample(reader, writer, written, budget, &refutes), proof) {
        (Some(value), _) => {
            let examples = examples(&writer.schema);
            Subset::No(Some(simplify_counterexample(value, &examples, refutes)))
        }
        (None, Some(Containment::No)) => Subset::No(None),
        (None, _) => Subset::Unknown,
    }
}

fn find_counterexample(
    reader: &SchemaSide,
    writer: &SchemaSide,
    written: &SchemaSide,
    budget: &ProofBudget,
    refutes: &dyn Fn(&Value) -> bool,
) -> Option<Value> {
    if let Some(found) = examples(&writer.schema).iter().find(|value| refutes(value)) {
        return Some(found.clone());
    }
    if let Some(found) = sample_difference(reader, written, budget, refutes) {
        return Some(found);
    }
    if !budget.allows_samples(&written.schema) {
        return None;
    }
    let sampler = Sampler::new(&written.schema, 1);
    let sampler = match std::ptr::eq(written, writer) {
        false => sampler,
        true => sampler.with_name_patterns(field_patterns(&reader.schema)),
    };
    find_sample(sampler, refutes)
}

/// Finds a value that `writer` accepts and `reader` rejects, and that has `value` at the position which
/// the schema at `at`, a JSON Pointer into the writer's schema, describes.
pub(super) fn find_refuting_value(
    reader: &SchemaSide,
    writer: &SchemaSide,
    at: &str,
    value: &Value,
    budget: &ProofBudget,
) -> Option<Value> {
    if !budget.allows_samples(&writer.schema) {
        return None;
    }
    let mut fixed = writer.schema.clone();
    fixed.pointer_mut(at)?.as_object_mut()?.insert("const".to_owned(), value.clone());
    let refutes = |value: &Value| writer.accepts(value) && !reader.accepts(value);
    let closed = WrittenFields::new(&fixed).close_schema(&fixed);
    find_sample(Sampler::new(&closed, 1), &refutes)
        .map(|found| simplify_counterexample(found, &examples(&writer.schema), refutes))
}

/// Samples the difference between the written values and those that `reader` accepts.
fn sample_difference(
    reader: &SchemaSide,
    written: &SchemaSide,
    budget: &ProofBudget,
    refutes: &dyn Fn(&Value) -> bool,
) -> Option<Value> {
    if !ProofBudget::allows_difference(&written.schema) || !ProofBudget::allows_difference(&reader.schema) {
        return None;
    }
    let difference = written.canonical(budget)?.subtract(reader.canonical(budget)?).ok()?.to_json_schema();
    budget.allows_samples(&difference).then(|| find_sample(Sampler::new(&difference, 1), refutes)).flatten()
}

fn find_sample(mut sampler: Sampler<'_>, refutes: &dyn Fn(&Value) -> bool) -> Option<Value> {
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
