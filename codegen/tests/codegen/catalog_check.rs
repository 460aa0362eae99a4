//! Comparisons of `codegen check` apart from the schemas of types: catalog files, bases, unreadable
//! baselines, and the webhooks of an OpenAPI document.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::check::{edit, findings, report, shop};

/// Returns the changes of the report: rule and compatibility.
fn changes(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let types = report["changes"].as_array().unwrap().iter();
    types
        .flat_map(|change| change["changes"].as_array().unwrap())
        .map(|change| (text(&change["rule"]), text(&change["compatibility"])))
        .collect()
}

#[track_caller]
fn assert_changes(old: &Path, new: &Path, expected: &[(&str, &str)], status: i32) -> Value {
    let (found, code) = report(new, &["--against", old.to_str().unwrap()]);
    let expected: Vec<_> = expected.iter().map(|(rule, word)| ((*rule).to_owned(), (*word).to_owned())).collect();
    assert_eq!((changes(&found), code), (expected, status), "{found}");
    found
}

#[test]
fn changes_of_a_catalog_file_are_found() {
    for (edit_catalog, expected, status) in [
        (
            &(|c: &mut Value| c["type"] = json!(["/type"])) as &dyn Fn(&mut Value),
            ("catalog-rule-changed", "breaking"),
            1,
        ),
        (&|c| drop(c.as_object_mut().unwrap().remove("producer_id")), ("catalog-rule-changed", "breaking"), 1),
        (&|c| c["time"] = json!([]), ("catalog-rule-changed", "breaking"), 1),
        (&|c| c["untyped"] = json!("other"), ("catalog-rule-changed", "backward"), 0),
        (&|c| c["actor"].as_array_mut().unwrap().push(json!("/user")), ("catalog-rule-changed", "full"), 0),
    ] {
        let (old, new) = (shop(), shop());
        edit(new.path(), "shop/catalog.json", edit_catalog);
        let (found, code) = report(new.path(), &["--against", old.path().to_str().unwrap()]);
        assert_eq!(changes(&found), [(expected.0.to_owned(), expected.1.to_owned())], "{found}");
        assert!(code >= status, "{found}");
    }
    let (old, new) = (shop(), shop());
    edit(new.path(), "shop/catalog.json", |c| c["compatibility"] = json!("none"));
    let found = assert_changes(old.path(), new.path(), &[], 0);
    assert_eq!(findings(&found), [("compatibility-lowered".to_owned(), "shop/catalog.json#/compatibility".to_owned())]);
}

#[test]
fn added_and_removed_types_are_compared_with_the_base() {
    let (without, with) = (shop(), shop());
    fs::remove_file(without.path().join("shop/order-placed.json")).unwrap();
    // The base alone accepted orders without items.
    let found = assert_changes(without.path(), with.path(), &[("type-added", "forward")], 0);
    assert_eq!(found["findings"][0]["severity"], "warning");
    assert_eq!(found["findings"][0]["example"]["kind"], "order-placed");
    // It will accept them again.
    let found = assert_changes(with.path(), without.path(), &[("type-removed", "backward")], 0);
    assert_eq!(found["changes"][0]["changes"][0].get("refused_by_new"), None);
}

#[test]
fn a_baseline_that_cannot_be_read_is_not_compatible() {
    let (old, new) = (shop(), shop());
    edit(old.path(), "shop/order-placed.json", |s| s["properties"]["note"] = json!({"$ref": "#/$defs/Missing"}));
    assert_changes(old.path(), new.path(), &[("not-understood", "breaking")], 1);
}

#[test]
fn definitions_are_compared_wherever_they_are_used() {
    let (old, new) = (shop(), shop());
    for (folder, kind) in [(&old, "string"), (&new, "integer")] {
        edit(folder.path(), "shop/order-placed.json", |schema| {
            schema["if"] = json!({"required": ["note"]});
            schema["then"] = json!({"properties": {"note": {"$ref": "#/$defs/Note"}}});
            schema["$defs"] = json!({"Note": {"enum": if kind == "string" { json!(["a"]) } else { json!(["b"]) }}});
        });
    }
    assert_changes(old.path(), new.path(), &[("condition-changed", "breaking")], 1);
}

fn openapi(key: &str, path_item: Value, components: Value) -> Value {
    json!({"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, key: {"x": path_item}, "components": components})
}

/// Returns the exit status of the comparison of two documents.
fn compare_documents(old: &Value, new: &Value) -> i32 {
    let folder = tempfile::tempdir().unwrap();
    let (old_path, new_path) = (folder.path().join("old.json"), folder.path().join("openapi.json"));
    fs::write(&old_path, old.to_string()).unwrap();
    fs::write(&new_path, new.to_string()).unwrap();
    report(&new_path, &["--against", old_path.to_str().unwrap()]).1
}

#[test]
fn webhooks_and_callbacks_must_stay_forward_compatible() {
    let content = |schema: Value| json!({"content": {"application/json": {"schema": schema}}});
    let operation = |schema: Value| json!({"post": {"requestBody": content(schema)}});
    let callback = |schema: Value| json!({"post": {"callbacks": {"done": {"{$url}": operation(schema)}}}});
    let amount =
        |kind: Value| json!({"type": "object", "required": ["amount"], "properties": {"amount": {"type": kind}}});
    let (narrow, wide) = (amount(json!("integer")), amount(json!(["integer", "string"])));
    let wrap: [&dyn Fn(Value) -> Value; 2] = [&|schema| openapi("webhooks", operation(schema), json!({})), &|schema| {
        openapi("paths", callback(schema), json!({}))
    }];
    for document in wrap {
        assert_eq!(compare_documents(&document(narrow.clone()), &document(narrow.clone())), 0);
        assert_eq!(compare_documents(&document(narrow.clone()), &document(wide.clone())), 1);
        // Receivers accept everything that they accepted before.
        assert_eq!(compare_documents(&document(wide.clone()), &document(narrow.clone())), 0);
        assert_eq!(compare_documents(&document(narrow.clone()), &document(json!({"type": "string"}))), 1);
    }
}

#[test]
fn references_in_an_openapi_document_are_followed() {
    let document = |kind: &str| {
        let body = json!({"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S"}}}});
        let schemas = json!({"S": {"type": "object", "required": ["x"], "properties": {"x": {"type": kind}}}});
        let components = |item: Value| json!({"schemas": schemas, "requestBodies": {"A": body}, "responses": {"R": body}, "pathItems": {"P": item}});
        [
            json!({"post": {"requestBody": {"$ref": "#/components/requestBodies/A"}}}),
            json!({"post": {"responses": {"200": {"$ref": "#/components/responses/R"}}}}),
        ]
        .into_iter()
        .flat_map(|item| {
            let direct = openapi("paths", item.clone(), components(json!({})));
            [direct, openapi("paths", json!({"$ref": "#/components/pathItems/P"}), components(item))]
        })
        .collect::<Vec<_>>()
    };
    for (old, new) in std::iter::zip(document("integer"), document("string")) {
        assert_eq!(compare_documents(&old, &new), 1, "{old}");
        assert_eq!(compare_documents(&old, &old), 0, "{old}");
    }
}

#[test]
fn keywords_of_older_drafts_are_reported_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "$id": "https://x.example/t.json",
        "title": "t", "description": "d", "items": [{"type": "string"}], "definitions": {}, "examples": [["a"]]});
    fs::write(folder.path().join("t.json"), schema.to_string()).unwrap();
    let (found, _) = report(folder.path(), &[]);
    let messages: Vec<_> =
        found["findings"].as_array().unwrap().iter().map(|f| f["message"].as_str().unwrap()).collect();
    assert!(messages.iter().any(|message| message.contains("written in draft-07")), "{messages:?}");
    assert!(messages.iter().any(|message| message.contains("use $defs")), "{messages:?}");
    assert!(!messages.iter().any(|message| message.contains("invalid JSON Schema")), "{messages:?}");
}

#[test]
fn references_with_escaped_names_are_followed() {
    let folder = shop();
    edit(folder.path(), "common/defs.json", |defs| {
        defs["$defs"]["We/ird name"] = json!({"type": "string", "description": "Text."});
    });
    edit(folder.path(), "shop/order-placed.json", |schema| {
        schema["properties"]["note"] = json!({"$ref": "../common/defs.json#/$defs/We~1ird%20name"});
    });
    let (found, status) = report(folder.path(), &[]);
    assert_eq!((status, findings(&found)), (0, Vec::new()), "{found}");
}

/// Schemas on which a comparison once ran for minutes, or overflowed the stack.
#[test]
fn recursive_schemas_are_compared_in_a_bounded_number_of_steps() {
    let recursive = |kind: &str| {
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"a": {"type": kind}},
            "additionalProperties": {"$ref": "#"}})
    };
    let template = |length: u8| {
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "#/$defs/value", "$defs": {
            "value": {"anyOf": [{"type": "object", "properties": {"@jdt": {"type": "string", "maxLength": length}},
                "patternProperties": {"^[^@]": {"$ref": "#/$defs/value"}}, "additionalProperties": {"$ref": "#/$defs/list"}},
                {"$ref": "#/$defs/list"}, {"type": ["string", "number", "null"]}]},
            "list": {"type": "array", "items": {"$ref": "#/$defs/value"}}}})
    };
    for (old, new) in [(recursive("string"), recursive("integer")), (template(9), template(8))] {
        let (old_folder, new_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(old_folder.path().join("t.json"), old.to_string()).unwrap();
        fs::write(new_folder.path().join("t.json"), new.to_string()).unwrap();
        let (found, _) = report(new_folder.path(), &["--against", old_folder.path().to_str().unwrap()]);
        assert_ne!(found["changes"][0]["compatibility"], "full", "{found}");
    }
}
