//! What comes out of a small catalog, and what is said about mistakes in it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

fn fixture() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixture"))
}

#[test]
fn a_small_catalog() {
    insta::assert_snapshot!(codegen::generate(fixture()).unwrap_or_else(|e| panic!("{e}")));
}

/// What is said when the fixture's `file` is changed by `edit`: the pointer and the message.
#[track_caller]
fn said(file: &str, edit: impl FnOnce(&mut Value)) -> Vec<(String, String)> {
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

/// One mistake is found at `pointer`, with these words about it.
#[track_caller]
fn mistake(file: &str, edit: impl FnOnce(&mut Value), pointer: &str, words: &str) {
    let said = said(file, edit);
    let [(at, message)] = &said[..] else { panic!("expected one problem: {said:?}") };
    assert_eq!(at, pointer);
    assert!(message.contains(words), "{message}");
}

#[test]
fn mistakes_in_a_type() {
    let file = "shop/order-placed.json";
    mistake(
        file,
        |s| s["properties"]["note"]["maxLenght"] = json!(5),
        "/properties/note/maxLenght",
        "write `maxLength`",
    );
    mistake(
        file,
        |s| s["properties"]["note"]["title"] = json!("Note"),
        "/properties/note/title",
        "only the file itself",
    );
    mistake(file, |s| s["additionalProperties"] = json!(false), "/additionalProperties", "leave the object open");
    mistake(file, |s| s["properties"]["n"] = json!({"type": "integer"}), "/properties/n", "bound the integer");
    mistake(file, |s| s["properties"]["n"] = json!({"type": "string"}), "/properties/n", "give it a description");
    mistake(file, |s| s["properties"]["note"]["format"] = json!("datetime"), "/properties/note/format", "date-time");
    mistake(file, |s| s["properties"]["by"] = json!({"type": "boolean"}), "/properties/by/type", "allows none");
    mistake(
        file,
        |s| s["properties"]["items"]["items"]["$ref"] = json!("#/$defs/No"),
        "/properties/items/items/$ref",
        "leads nowhere",
    );
    mistake(file, |s| s["x-summary"] = json!("{who} ordered"), "/x-summary", "`{who}` is no field");
    mistake(file, |s| s["x-version"] = json!(0), "/x-version", "a whole number from 1");
    mistake(file, |s| s["title"] = json!("order"), "/title", "order-placed");
    mistake(file, |s| s["examples"] = json!([]), "/examples", "at least one event");
    mistake(file, |s| drop(s["allOf"].take()), "/allOf", "base.json");
    let props = |s: &mut Value| s["properties"]["note"]["properties"] = json!({});
    mistake(file, props, "/properties/note/properties", "say \"type\": \"object\"");
    let words = |s: &mut Value| s["properties"]["note"]["enum"] = json!(["a-b", "a_b"]);
    mistake(file, words, "/properties/note/enum", "distinct Rust names");
}

#[test]
fn mistakes_in_what_types_share() {
    let pointer = "/$defs/Item/properties/name";
    mistake("common/defs.json", |d| d["$defs"]["Item"]["properties"]["name"] = json!({}), pointer, "description");
    mistake("shop/base.json", |b| b["properties"]["by"] = json!({}), "/properties/by", "description");
}

#[test]
fn mistakes_in_a_catalog() {
    let file = "shop/catalog.json";
    mistake(file, |c| c["tipe"] = json!([]), "/tipe", "unknown field");
    mistake(file, |c| c["actor"][0]["befor"] = json!(" "), "/actor/0", "expected a JSON Pointer");
    mistake(file, |c| c["time"] = json!(["at"]), "/time/0", "begin it with /");
    mistake(file, |c| c["type"] = json!([]), "/type", "at least one place");
    mistake(file, |c| c["scope"] = json!("action"), "/scope", "expected \"lifecycle\"");
}

#[test]
fn all_mistakes_are_named_at_once() {
    let said = said("shop/base.json", |base| {
        base["$schema"] = json!("http://json-schema.org/draft-07/schema#");
        base["properties"]["by"]["nullable"] = json!(true);
    });
    assert_eq!(said.len(), 2);
}

#[test]
fn a_folder_without_a_base() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("shop")).unwrap();
    fs::copy(fixture().join("shop/catalog.json"), folder.path().join("shop/catalog.json")).unwrap();
    let problems = codegen::generate(folder.path()).unwrap_err();
    assert!(problems.to_string().starts_with("shop/base.json#: every folder but"), "{problems}");
}
