//! The generated source of a small catalog, and the problems that are reported for invalid catalogs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

fn fixture() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixture"))
}

#[test]
fn a_small_catalog_generates_types_and_a_registry() {
    insta::assert_snapshot!(codegen::generate(fixture()).unwrap_or_else(|e| panic!("{e}")));
}

/// Returns the source that is generated after `edit` has changed the fixture's type.
fn source_after(edit: impl FnOnce(&mut Value)) -> String {
    let folder = crate::check::shop();
    crate::check::edit(folder.path(), "shop/order-placed.json", edit);
    codegen::generate(folder.path()).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn properties_with_the_same_name_in_rust_are_distinct_fields() {
    let source = source_after(|schema| {
        for name in ["extra", "_note", "Note", "self", "Self"] {
            schema["properties"][name] = json!({"type": "string", "description": "Text."});
        }
    });
    for field in [
        "rename = \"_note\"",
        "rename = \"Note\"",
        "rename = \"note\"",
        "pub note_2:",
        "pub note_3:",
        "rename = \"extra\"",
        "pub extra_2:",
        "pub extra:",
        "rename = \"Self\"",
    ] {
        assert!(source.contains(field), "{field}: {source}");
    }
}

#[test]
fn enums_without_distinct_names_are_strings() {
    for words in [
        json!(["0", "1"]),
        json!(["<", "<=", ">"]),
        json!(["open", "Open"]),
        json!(["in progress", "in-progress"]),
        json!(["", "a"]),
        json!(["é", "日本"]),
        json!(["a-b", "a_b"]),
        json!(["self"]),
    ] {
        let source = source_after(|schema| schema["properties"]["note"]["enum"] = words.clone());
        assert!(source.contains("pub note: ::std::option::Option<::std::string::String>"), "{words}: {source}");
    }
}

#[test]
fn integers_are_bounded_by_any_keyword() {
    for bounded in
        [json!({"enum": [1, 2, 3]}), json!({"const": 7}), json!({"exclusiveMinimum": 0, "exclusiveMaximum": 10})]
    {
        source_after(|schema| {
            let mut property = json!({"type": "integer", "description": "Number.", "default": 1, "readOnly": true});
            property.as_object_mut().unwrap().extend(bounded.as_object().unwrap().clone());
            schema["properties"]["number"] = property;
        });
    }
}

#[test]
fn any_property_may_be_a_boolean_schema() {
    source_after(|schema| schema["properties"]["anything"] = json!(true));
}

#[test]
fn types_have_the_names_that_producers_use() {
    for (file, x_type, rust_name) in [
        ("charge.succeeded", None, "ChargeSucceeded"),
        ("payment_intent.Succeeded", None, "PaymentIntentSucceeded"),
        ("2fa", None, "Type2fa"),
        ("ec2", Some("EC2 Instance State-change Notification"), "Ec2InstanceStateChangeNotification"),
        ("create", Some("orders/create"), "OrdersCreate"),
    ] {
        let folder = crate::check::shop();
        let path = |name: &str| folder.path().join(format!("shop/{name}.json"));
        fs::rename(path("order-placed"), path(file)).unwrap();
        crate::check::edit(folder.path(), &format!("shop/{file}.json"), |schema| {
            let name = x_type.unwrap_or(file);
            schema["title"] = json!(name);
            schema["$id"] = json!(format!("https://shop.example/schemas/shop/{file}.json"));
            schema["properties"]["kind"]["const"] = json!(name);
            schema["examples"][0]["kind"] = json!(name);
            if let Some(name) = x_type {
                schema["x-type"] = json!(name);
            }
        });
        let source = codegen::generate(folder.path()).unwrap_or_else(|e| panic!("{e}"));
        assert!(source.contains(&format!("pub struct {rust_name} {{")), "{file}: {source}");
        assert!(source.contains(&format!("name: {:?}", x_type.unwrap_or(file))), "{file}");
        let (found, status) = crate::check::report(folder.path(), &[]);
        assert_eq!((status, crate::check::findings(&found)), (0, Vec::new()), "{file}");
    }
}

/// Returns the pointers and messages that are reported after `edit` has changed the fixture's `file`.
#[track_caller]
fn problems_after(file: &str, edit: impl FnOnce(&mut Value)) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    for name in ["common/defs.json", "shop/base.json", "shop/catalog.json", "shop/order-placed.json"] {
        let to = folder.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(fixture().join(name), to).unwrap();
    }
    let path = folder.path().join(file);
    let mut json = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    edit(&mut json);
    fs::write(&path, json.to_string()).unwrap();

    let problems = codegen::generate(folder.path()).unwrap_err();
    assert!(problems.0.iter().all(|problem| problem.file == file), "{problems}");
    problems.0.into_iter().map(|problem| (problem.pointer, problem.message)).collect()
}

/// Checks that `edit` leads to exactly one problem, at `pointer` and with `words` in its message.
#[track_caller]
fn assert_problem(file: &str, edit: impl FnOnce(&mut Value), pointer: &str, words: &str) {
    let problems = problems_after(file, edit);
    let [(at, message)] = &problems[..] else { panic!("expected one problem: {problems:?}") };
    assert_eq!(at, pointer);
    assert!(message.contains(words), "{message}");
}

#[test]
fn problems_in_a_type_are_reported() {
    let file = "shop/order-placed.json";
    assert_problem(
        file,
        |s| s["properties"]["note"]["maxLenght"] = json!(5),
        "/properties/note/maxLenght",
        "write `maxLength`",
    );
    assert_problem(
        file,
        |s| s["properties"]["note"]["title"] = json!("Note"),
        "/properties/note/title",
        "only the file itself",
    );
    assert_problem(
        file,
        |s| s["additionalProperties"] = json!(false),
        "/additionalProperties",
        "leave the object open",
    );
    assert_problem(file, |s| s["properties"]["n"] = json!({"type": "integer"}), "/properties/n", "bound the integer");
    assert_problem(file, |s| s["properties"]["n"] = json!({"type": "string"}), "/properties/n", "add a description");
    assert_problem(
        file,
        |s| s["properties"]["note"]["format"] = json!("datetime"),
        "/properties/note/format",
        "date-time",
    );
    assert_problem(
        file,
        |s| s["properties"]["by"] = json!({"type": "boolean"}),
        "/properties/by/type",
        "does not allow any",
    );
    assert_problem(
        file,
        |s| s["properties"]["items"]["items"]["$ref"] = json!("#/$defs/No"),
        "/properties/items/items/$ref",
        "cannot be resolved",
    );
    assert_problem(file, |s| s["x-summary"] = json!("{who} ordered"), "/x-summary", "`{who}` is not a field");
    assert_problem(file, |s| s["x-version"] = json!(0), "/x-version", "an integer of at least 1");
    assert_problem(file, |s| s["title"] = json!("order"), "/title", "order-placed");
    assert_problem(file, |s| s["examples"] = json!([]), "/examples", "at least one event");
    assert_problem(file, |s| drop(s["allOf"].take()), "/allOf", "base.json");
    let props = |s: &mut Value| s["properties"]["note"]["properties"] = json!({});
    assert_problem(file, props, "/properties/note/properties", "set \"type\" to \"object\"");
    let pattern = |s: &mut Value| s["properties"]["note"]["patternProperties"] = json!({});
    assert_problem(file, pattern, "/properties/note/patternProperties", "catalogs do not support `patternProperties`");
}

#[test]
fn problems_in_shared_schemas_are_reported_in_their_file() {
    let pointer = "/$defs/Item/properties/name";
    assert_problem(
        "common/defs.json",
        |d| d["$defs"]["Item"]["properties"]["name"] = json!({}),
        pointer,
        "description",
    );
    assert_problem("shop/base.json", |b| b["properties"]["by"] = json!({}), "/properties/by", "description");
}

#[test]
fn problems_in_a_catalog_file_are_reported() {
    let file = "shop/catalog.json";
    assert_problem(file, |c| c["tipe"] = json!([]), "/tipe", "unknown field");
    assert_problem(file, |c| c["actor"][0]["befor"] = json!(" "), "/actor/0", "expected a JSON Pointer");
    assert_problem(file, |c| c["time"] = json!(["at"]), "/time/0", "begin it with /");
    assert_problem(file, |c| c["type"] = json!([]), "/type", "at least one path");
    assert_problem(file, |c| c["scope"] = json!("action"), "/scope", "expected \"lifecycle\"");
}

#[test]
fn all_problems_are_reported_together() {
    let problems = problems_after("shop/base.json", |base| {
        base["$schema"] = json!("http://json-schema.org/draft-07/schema#");
        base["properties"]["by"]["nullable"] = json!(true);
    });
    assert_eq!(problems.len(), 2);
}

#[test]
fn a_catalog_needs_a_base() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("shop")).unwrap();
    fs::copy(fixture().join("shop/catalog.json"), folder.path().join("shop/catalog.json")).unwrap();
    let problems = codegen::generate(folder.path()).unwrap_err();
    assert!(problems.to_string().starts_with("shop/base.json#: every folder except"), "{problems}");
}
