//! The JSON schemas of the types that the document refers to.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Collects the schemas of requests and responses. They differ for the same type, above all in which fields may be
/// missing.
pub(super) struct Schemas {
    /// Schemas of types that the API deserializes.
    pub(super) request: SchemaGenerator,
    /// Schemas of types that the API serializes.
    pub(super) response: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        let settings = || SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
        let response = settings().for_serialize().with_transform(RecursiveTransform(disallow_null));
        Self { request: settings().for_deserialize().into_generator(), response: response.into_generator() }
    }
}

/// Removes `null` from the types of optional fields in responses. The schema of an `Option` allows both a missing field
/// and null, but responses omit the field.
fn disallow_null(schema: &mut Schema) {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !required.contains(&json!(name))) {
        if let Some([only, null]) = property["type"].as_array().map(Vec::as_slice)
            && null == "null"
        {
            property["type"] = only.clone();
        }
    }
}

impl Schemas {
    /// Returns the schema of every type that was referred to, by name. The few types of both requests and responses have
    /// the same schema in both.
    pub(super) fn into_definitions(mut self) -> Map<String, Value> {
        let mut definitions = self.request.take_definitions(true);
        definitions.extend(self.response.take_definitions(true));
        definitions.sort_keys();
        definitions
    }
}
