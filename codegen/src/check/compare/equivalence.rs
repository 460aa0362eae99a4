//! Equivalence of two schemas: equal texts, apart from annotations, order, and references.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::schema_view::SchemaView;
use crate::keyword::{DATA_KEYWORDS, MAP_KEYWORDS, is_annotation};

/// Keywords whose lists are sets.
const SET_KEYWORDS: [&str; 3] = ["enum", "required", "type"];
/// Maximum number of compared schemas.
const MAX_COMPARED: usize = 200_000;

/// Returns whether two schemas have the same text, apart from annotations. References are followed.
pub(super) fn is_equivalent(one: SchemaView<'_>, other: SchemaView<'_>) -> bool {
    Equivalence { assumed: BTreeSet::new(), compared: 0 }.schemas(one, other)
}

struct Equivalence {
    /// Pairs that are equivalent if the comparison finds no difference elsewhere.
    assumed: BTreeSet<(usize, usize)>,
    compared: usize,
}

impl Equivalence {
    fn schemas(&mut self, one: SchemaView<'_>, other: SchemaView<'_>) -> bool {
        self.compared += 1;
        if self.compared > MAX_COMPARED {
            return false;
        }
        if std::ptr::eq(one.schema, other.schema) || !self.assumed.insert((one.address(), other.address())) {
            return true;
        }
        if let Some(one) = only_reference(one) {
            return self.schemas(one, other);
        }
        if let Some(other) = only_reference(other) {
            return self.schemas(one, other);
        }
        match (one.schema, other.schema) {
            (Value::Object(first), Value::Object(second)) => {
                let keywords: BTreeSet<_> = first.keys().chain(second.keys()).collect();
                keywords.into_iter().all(|keyword| self.keyword(keyword, one, other))
            }
            (first, second) => first == second,
        }
    }

    fn keyword(&mut self, keyword: &str, one: SchemaView<'_>, other: SchemaView<'_>) -> bool {
        if is_neutral(keyword) {
            return true;
        }
        let (Some(first), Some(second)) = (one.get(keyword), other.get(keyword)) else {
            // Empty lists and objects say nothing.
            let only = one.get(keyword).or(other.get(keyword));
            return ["required", "properties", "patternProperties"].contains(&keyword)
                && only.is_some_and(|value| *value == serde_json::json!([]) || *value == serde_json::json!({}));
        };
        match (first, second) {
            (Value::Array(first), Value::Array(second)) if SET_KEYWORDS.contains(&keyword) => {
                first.iter().all(|value| second.contains(value)) && second.iter().all(|value| first.contains(value))
            }
            (first, second) if DATA_KEYWORDS.contains(&keyword) => first == second,
            (Value::String(_), Value::String(_)) if keyword == "$ref" => match (one.referred(), other.referred()) {
                (Some(one), Some(other)) => self.schemas(one, other),
                _ => first == second,
            },
            (Value::Object(first), Value::Object(second)) if MAP_KEYWORDS.contains(&keyword) => {
                let has_same_names = first.len() == second.len() && first.keys().all(|name| second.contains_key(name));
                has_same_names
                    && first.iter().all(|(name, schema)| {
                        second.get(name).is_some_and(|twin| self.schemas(one.with(schema), other.with(twin)))
                    })
            }
            (Value::Array(first), Value::Array(second)) => {
                first.len() == second.len()
                    && std::iter::zip(first, second).all(|(a, b)| self.schemas(one.with(a), other.with(b)))
            }
            (first, second) if first.is_object() && second.is_object() && keyword != "dependentRequired" => {
                self.schemas(one.with(first), other.with(second))
            }
            (first, second) => first == second,
        }
    }
}

/// Returns whether a keyword has no effect on the values that a schema accepts.
pub(super) fn is_neutral(keyword: &str) -> bool {
    is_annotation(keyword) || ["$anchor", "$defs", "default", "readOnly", "writeOnly"].contains(&keyword)
}

fn only_reference(view: SchemaView<'_>) -> Option<SchemaView<'_>> {
    let is_bare = |schema: &Map<String, Value>| schema.keys().all(|key| key == "$ref" || is_neutral(key));
    view.object().is_some_and(is_bare).then(|| view.referred()).flatten()
}
