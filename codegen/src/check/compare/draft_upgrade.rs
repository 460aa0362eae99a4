//! Upgrade of schemas of older drafts to draft 2020-12, so that both versions mean the same.

use serde_json::{Map, Value, json};

use crate::dialect::DRAFT;
use crate::keyword::map_subschemas;

/// Drafts in which `$ref` replaces the keywords next to it.
const DRAFTS_WITH_LONE_REFERENCES: [&str; 3] = ["draft-04", "draft-06", "draft-07"];

/// Returns a self-contained schema in draft 2020-12.
pub(super) fn upgrade_draft(schema: &Value) -> Value {
    let draft = schema.get("$schema").and_then(Value::as_str).unwrap_or(DRAFT);
    if draft.trim_end_matches('#') == DRAFT {
        return schema.clone();
    }
    let has_lone_references = DRAFTS_WITH_LONE_REFERENCES.iter().any(|name| draft.contains(name));
    let mut upgraded = map_subschemas(schema, &|object| Value::Object(upgrade_schema(object, has_lone_references)));
    if let (Some(upgraded), Some(defs)) = (upgraded.as_object_mut(), schema.get("$defs")) {
        upgraded.insert("$schema".to_owned(), json!(DRAFT));
        // A reference at the root replaces its other keywords, but not the definitions.
        if !upgraded.contains_key("$defs") {
            let defs = map_subschemas(&json!({ "$defs": defs }), &|object| {
                Value::Object(upgrade_schema(object, has_lone_references))
            });
            upgraded.insert("$defs".to_owned(), defs["$defs"].clone());
        }
    } else if let Some(upgraded) = upgraded.as_object_mut() {
        upgraded.insert("$schema".to_owned(), json!(DRAFT));
    }
    upgraded
}

fn upgrade_schema(mut schema: Map<String, Value>, has_lone_references: bool) -> Map<String, Value> {
    if has_lone_references && let Some(reference) = schema.get("$ref") {
        return Map::from_iter([("$ref".to_owned(), reference.clone())]);
    }
    schema.shift_remove("definitions");
    if let Some(Value::Array(items)) = schema.get("items").cloned() {
        schema.insert("prefixItems".to_owned(), Value::Array(items));
        schema.shift_remove("items");
        if let Some(others) = schema.shift_remove("additionalItems") {
            schema.insert("items".to_owned(), others);
        }
    }
    // Without a list of items, `additionalItems` has no effect.
    schema.shift_remove("additionalItems");
    if let Some(Value::Object(dependencies)) = schema.shift_remove("dependencies") {
        let (lists, schemas): (Vec<_>, Vec<_>) = dependencies.into_iter().partition(|(_, value)| value.is_array());
        for (keyword, entries) in [("dependentRequired", lists), ("dependentSchemas", schemas)] {
            if !entries.is_empty() {
                schema.insert(keyword.to_owned(), entries.into_iter().collect());
            }
        }
    }
    // Draft 4: a flag makes the bound exclusive.
    for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(Value::Bool(is_exclusive)) = schema.get(flag).cloned() {
            schema.shift_remove(flag);
            if is_exclusive && let Some(value) = schema.shift_remove(bound) {
                schema.insert(flag.to_owned(), value);
            }
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_of_draft_7_are_upgraded() {
        let old = json!({"$schema": "http://json-schema.org/draft-07/schema#",
            "items": [{"$ref": "#/$defs/A", "maxLength": 1}], "additionalItems": false,
            "dependencies": {"a": ["b"], "c": {"required": ["d"]}}, "$defs": {"A": {"type": "string"}}});
        let new = json!({"$schema": DRAFT, "prefixItems": [{"$ref": "#/$defs/A"}], "items": false,
            "dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"required": ["d"]}},
            "$defs": {"A": {"type": "string"}}});
        assert_eq!(upgrade_draft(&old), new);
    }
}
