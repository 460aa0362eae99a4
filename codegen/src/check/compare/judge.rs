//! Whether a reader accepts all that a writer writes: proven, or refuted by a value.

use std::cell::OnceCell;

use jsonschema::Validator;
use jsonschema::canonical::{CanonicalSchema, Containment};
use serde_json::Value;

use super::closed::closed;
use super::example::readable;
use crate::check::sample::Sampler;
use crate::check::{canonical, validator};

/// How many values are tried.
const ATTEMPTS: usize = 60;

/// An answer, as good as it can be had.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// Proven: it accepts them all.
    Yes,
    /// It does not; with a value that the writer writes and the reader refuses, where one was found.
    No(Option<Value>),
    /// Neither proven nor refuted.
    Unknown,
}

/// One schema, as a reader and as a writer. What is made of it is made when it is needed: some of
/// it takes milliseconds.
#[derive(Debug)]
pub(super) struct Side {
    schema: Value,
    validator: OnceCell<Option<Validator>>,
    canonical: OnceCell<Option<CanonicalSchema>>,
    closed: OnceCell<Box<Side>>,
}

impl Side {
    pub(super) fn new(schema: Value) -> Self {
        Self { schema, validator: OnceCell::new(), canonical: OnceCell::new(), closed: OnceCell::new() }
    }

    /// Whether the schema accepts the value.
    pub(super) fn accepts(&self, value: &Value) -> bool {
        let validator = self.validator.get_or_init(|| validator(&self.schema).ok());
        validator.as_ref().is_some_and(|validator| validator.is_valid(value))
    }

    fn canonical(&self) -> Option<&CanonicalSchema> {
        self.canonical.get_or_init(|| canonical(&self.schema)).as_ref()
    }

    /// The same without fields that it does not name.
    fn closed(&self) -> &Self {
        self.closed.get_or_init(|| Box::new(Self::new(closed(&self.schema))))
    }
}

/// Whether it is proven that `reader` accepts all that `writer` does.
pub(super) fn is_covered(reader: &Side, writer: &Side) -> bool {
    covers(reader, writer) == Some(Containment::Yes)
}

fn covers(reader: &Side, writer: &Side) -> Option<Containment> {
    reader.canonical()?.covers(writer.canonical()?).ok()
}

/// Whether `reader` accepts all that `writer` writes: any fields, or only those that it names.
pub(super) fn judge(reader: &Side, writer: &Side, named_fields_only: bool) -> Answer {
    let writes = if named_fields_only { writer.closed() } else { writer };
    let proof = covers(reader, writes);
    if proof == Some(Containment::Yes) {
        return Answer::Yes;
    }
    let refutes = |value: &Value| !reader.accepts(value) && writer.accepts(value) && writes.accepts(value);
    let examples = examples(&writer.schema);
    let found = examples
        .iter()
        .find(|value| refutes(value))
        .cloned()
        .or_else(|| from_difference(reader, writes, refutes))
        .or_else(|| {
            let sampler = Sampler::new(&writes.schema, 1);
            tried(
                if named_fields_only { sampler } else { sampler.with_fields_like(field_patterns(&reader.schema)) },
                refutes,
            )
        });
    match (found, proof) {
        (Some(found), _) => Answer::No(Some(readable(found, &examples, refutes))),
        (None, Some(Containment::No)) => Answer::No(None),
        (None, _) => Answer::Unknown,
    }
}

/// A value that `writer` writes and `reader` refuses, with `value` where the schema at `at` of the
/// writer's stands.
pub(super) fn with_value(reader: &Side, writer: &Side, at: &str, value: &Value) -> Option<Value> {
    let mut planted = writer.schema.clone();
    planted.pointer_mut(at)?.as_object_mut()?.insert("const".to_owned(), value.clone());
    let refutes = |value: &Value| writer.accepts(value) && !reader.accepts(value);
    tried(Sampler::new(&closed(&planted), 1), refutes).map(|found| readable(found, &examples(&writer.schema), refutes))
}

/// A value out of what is written and not read, which the difference of the two describes.
fn from_difference(reader: &Side, writes: &Side, refutes: impl Fn(&Value) -> bool) -> Option<Value> {
    let difference = writes.canonical()?.subtract(reader.canonical()?).ok()?.to_json_schema();
    tried(Sampler::new(&difference, 1), refutes)
}

fn tried(mut sampler: Sampler<'_>, refutes: impl Fn(&Value) -> bool) -> Option<Value> {
    (0..ATTEMPTS).map(|_| sampler.sample()).find(|value| refutes(value))
}

fn examples(schema: &Value) -> Vec<Value> {
    schema.get("examples").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// The patterns that a schema has for names of fields, anywhere in it.
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
