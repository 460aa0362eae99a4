//! Output and exit status of `codegen check`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// Creates a folder with the fixture's catalog.
pub(crate) fn shop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture");
    for name in ["common/defs.json", "shop/base.json", "shop/catalog.json", "shop/order-placed.json"] {
        let to = folder.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(fixture.join(name), to).unwrap();
    }
    folder
}

pub(crate) fn edit(folder: &Path, file: &str, edit: impl FnOnce(&mut Value)) {
    let path = folder.join(file);
    let mut json = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    edit(&mut json);
    fs::write(path, serde_json::to_string_pretty(&json).unwrap()).unwrap();
}

/// Runs the program and returns its output and its exit status.
pub(crate) fn run(arguments: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_codegen")).args(arguments).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (String::from_utf8(printed).unwrap(), output.status.code().unwrap())
}

/// Runs `check` and returns its JSON report and its exit status.
pub(crate) fn report(folder: &Path, arguments: &[&str]) -> (Value, i32) {
    let (text, status) = run(&[&["check", folder.to_str().unwrap(), "--format", "json"], arguments].concat());
    (serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")), status)
}

/// Returns the broken rules, with file and pointer.
pub(crate) fn findings(report: &Value) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings.map(|f| (text(&f["rule"]), format!("{}#{}", text(&f["file"]), text(&f["pointer"])))).collect()
}

#[test]
fn a_valid_folder_has_no_findings() {
    let folder = shop();
    let (text, status) = run(&["check", folder.path().to_str().unwrap()]);
    assert_eq!(
        (text.as_str(), status),
        ("3 schema files, 1 type, 1 example, 0 refused samples: 0 errors, 0 warnings\n", 0)
    );
    // A single catalog, which refers to its sibling `common`.
    assert_eq!(report(&folder.path().join("shop"), &[]).1, 0);
}

#[test]
fn a_check_that_cannot_run_exits_with_2() {
    let empty = tempfile::tempdir().unwrap();
    let shop = shop();
    for (arguments, expected) in [
        (vec!["check", "no/such/folder"], "is not a folder"),
        (vec!["check", empty.path().to_str().unwrap()], "contains no schemas"),
        (vec!["check", shop.path().to_str().unwrap(), "--against", "no-such-revision"], "Git revision"),
    ] {
        let (text, status) = run(&arguments);
        assert_eq!(status, 2, "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn examples_and_refused_samples_are_validated() {
    let folder = shop();
    let type_file = "shop/order-placed.json";
    edit(folder.path(), type_file, |s| s["examples"][0]["items"] = json!([]));
    let refused =
        |samples: Value| fs::write(folder.path().join("shop/order-placed.refused.json"), samples.to_string()).unwrap();
    let good = json!({"kind": "order-placed", "at": "2026-01-02T03:04:05", "items": [{"name": "tea", "count": 1}]});
    refused(json!([
        {"event": good, "pointer": "", "keyword": "required"},
        {"event": {"kind": "order-placed"}, "pointer": "/items", "keyword": "type"},
        {"event": {"kind": "order-placed"}, "pointer": "", "keyword": "required"},
    ]));
    fs::write(folder.path().join("shop/no-such-type.refused.json"), "[]").unwrap();
    let (report, status) = report(folder.path(), &[]);
    assert_eq!(status, 1);
    let expected = [
        ("refused-sample-orphan", "shop/no-such-type.refused.json#"),
        ("example-refused", "shop/order-placed.json#/examples/0/items"),
        ("refused-sample-accepted", "shop/order-placed.refused.json#/0"),
        ("refused-sample-reason", "shop/order-placed.refused.json#/1"),
    ];
    assert_eq!(findings(&report), expected.map(|(rule, location)| (rule.to_owned(), location.to_owned())));
}

#[test]
fn plain_schemas_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://x.example/orders/placed.json",
        "title": "Placed",
        "description": "An order was placed.",
        "type": "object",
        "additionalProperties": false,
        "required": ["id"],
        "properties": {
            "id": {"$ref": "parts.json#/$defs/Id"},
            "lines": {"type": "array", "description": "Ordered items.", "prefixItems": [{"type": "string"}]}
        },
        "examples": [{"id": "a-1", "lines": ["tea"]}]
    });
    let parts = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://x.example/orders/parts.json",
        "title": "Parts",
        "description": "Parts of orders.",
        "$defs": {"Id": {"type": "string", "pattern": "^[a-z]-[0-9]+$", "description": "An order's id."}}
    });
    fs::create_dir(folder.path().join("orders")).unwrap();
    let write =
        |name: &str, schema: &Value| fs::write(folder.path().join("orders").join(name), schema.to_string()).unwrap();
    write("placed.json", &schema);
    write("parts.json", &parts);
    assert_eq!(
        report(folder.path(), &[]),
        (json!({"files": 2, "types": 1, "examples": 1, "refused_samples": 0, "findings": []}), 0)
    );

    let mut bad = schema.clone();
    bad["properties"]["lines"]["minItmes"] = json!(1);
    bad["properties"]["note"] = json!({"type": "strng"});
    bad["properties"]["id"]["$ref"] = json!("parts.json#/$defs/Identity");
    bad["examples"] = json!([]);
    bad["$id"] = json!("https://x.example/orders/shipped.json");
    write("placed.json", &bad);
    let (report, status) = report(folder.path(), &["--bounded"]);
    assert_eq!(status, 1);
    let expected = [
        ("unbounded", "orders/parts.json#/$defs/Id"),
        ("examples", "orders/placed.json#"),
        ("id", "orders/placed.json#"),
        ("reference", "orders/placed.json#/properties/id/$ref"),
        ("unbounded", "orders/placed.json#/properties/lines"),
        ("unknown-keyword", "orders/placed.json#/properties/lines/minItmes"),
        ("unbounded", "orders/placed.json#/properties/lines/prefixItems/0"),
        ("description", "orders/placed.json#/properties/note"),
        ("meta-schema", "orders/placed.json#/properties/note/type"),
    ];
    assert_eq!(findings(&report), expected.map(|(rule, location)| (rule.to_owned(), location.to_owned())));
}

pub(crate) fn git(folder: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").arg("-C").arg(folder).args(identity).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn incompatible_changes_of_an_openapi_document_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let parameter = |name: &str, schema: Value| json!({"name": name, "in": "query", "schema": schema});
    let response = |schema: Value| json!({"200": {"content": {"application/json": {"schema": schema}}}});
    let document = json!({"openapi": "3.1.0", "components": {"schemas": {"Thing": {
        "type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}}},
        "paths": {"/things": {"get": {
            "parameters": [parameter("limit", json!({"type": "integer", "maximum": 100}))],
            "responses": response(json!({"$ref": "#/components/schemas/Thing"}))}}}});
    let write = |name: &str, document: &Value| {
        let path = folder.path().join(name);
        fs::write(&path, document.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let old = write("old.json", &document);
    let verdict = |edit: &dyn Fn(&mut Value)| {
        let mut changed = document.clone();
        edit(&mut changed);
        let new = write("openapi.json", &changed);
        let (found, status) = report(Path::new(&new), &["--against", &old]);
        (findings(&found).into_iter().map(|(rule, _)| rule).collect::<Vec<_>>(), status)
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(verdict(&|_| ()), (none.clone(), 0));
    // New parameters and new response fields are compatible.
    let order = |d: &mut Value| {
        let parameters = d["paths"]["/things"]["get"]["parameters"].as_array_mut().unwrap();
        parameters.push(parameter("order", json!({"enum": ["asc", "desc"]})));
    };
    assert_eq!(verdict(&order), (none.clone(), 0));
    let field = |d: &mut Value| d["components"]["schemas"]["Thing"]["properties"]["name"] = json!({"type": "string"});
    assert_eq!(verdict(&field), (none, 0));
    let limit = |d: &mut Value| d["paths"]["/things"]["get"]["parameters"][0]["schema"]["maximum"] = json!(50);
    assert_eq!(verdict(&limit), (vec!["bound-tightened".to_owned()], 1));
    let no_limit = |d: &mut Value| d["paths"]["/things"]["get"]["parameters"] = json!([]);
    assert_eq!(verdict(&no_limit), (vec!["property-removed".to_owned()], 1));
    let id =
        |d: &mut Value| d["components"]["schemas"]["Thing"]["properties"]["id"]["type"] = json!(["integer", "null"]);
    assert_eq!(verdict(&id), (vec!["type-widened".to_owned()], 1));
    let optional = |d: &mut Value| d["components"]["schemas"]["Thing"]["required"] = json!([]);
    assert_eq!(verdict(&optional), (vec!["property-made-optional".to_owned()], 1));
    let removed = |d: &mut Value| d["paths"] = json!({});
    assert_eq!(verdict(&removed), (vec!["operation-removed".to_owned()], 1));
}

#[test]
fn changes_since_a_git_revision_are_found() {
    let repository = tempfile::tempdir().unwrap();
    let schemas = repository.path().join("our schemas");
    let from = shop();
    fs::rename(from.path(), &schemas).unwrap();
    git(repository.path(), &["init", "-q"]);
    git(repository.path(), &["add", "."]);
    git(repository.path(), &["commit", "-q", "-m", "first"]);

    // A tighter shared definition affects every type that refers to it.
    edit(&schemas, "common/defs.json", |d| d["$defs"]["Item"]["properties"]["name"]["maxLength"] = json!(10));
    let (found, status) = report(&schemas, &["--against", "main"]);
    assert_eq!(status, 1);
    assert_eq!(
        findings(&found),
        [("bound-tightened".to_owned(), "common/defs.json#/$defs/Item/properties/name/maxLength".to_owned())]
    );
    let finding = &found["findings"][0];
    assert_eq!(finding["types"], json!(["shop/order-placed"]));
    assert_eq!(finding["compatibility"], "forward");
    assert!(finding["example"]["items"][0]["name"].as_str().unwrap().chars().count() > 10);
    assert_eq!(found["changes"][0]["compatibility"], "forward");

    // The change is forward compatible.
    assert_eq!(report(&schemas, &["--against", "main", "--level", "forward"]).1, 0);
    edit(&schemas, "shop/catalog.json", |c| c["compatibility"] = json!("none"));
    assert_eq!(report(&schemas, &["--against", "main"]).1, 0);

    // GitHub annotations include the line.
    edit(&schemas, "shop/catalog.json", |c| c["compatibility"] = json!("full"));
    let (text, status) = run(&["check", schemas.to_str().unwrap(), "--against", "main", "--format", "github"]);
    assert_eq!(status, 1);
    let line = text.lines().next().unwrap();
    assert!(
        line.starts_with("::error file=")
            && line.contains("defs.json,line=")
            && line.contains("title=bound-tightened::"),
        "{line}"
    );

    // The checked folder may be the root of the repository.
    let (found, _) = report(repository.path(), &["--against", "main"]);
    assert_eq!(found["changes"][0]["changes"][0]["file"], "our schemas/common/defs.json");

    // A type is removed.
    fs::remove_file(schemas.join("shop/order-placed.json")).unwrap();
    let (found, _) = report(&schemas, &["--against", "main"]);
    assert_eq!(found["changes"][0]["changes"][0]["rule"], "type-removed");
    // From now on, the base decides on its events, and it accepts all of them.
    assert_eq!(found["findings"][0]["compatibility"], "backward");
}
