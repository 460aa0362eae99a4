//! The table of `calls.rs`, held against the functions' code: each row against the text that it names, and the kinds of
//! the config table against the types that a function takes from `model`.

use std::collections::BTreeSet;
use std::path::Path;

use model::{Key, KeyUse, Record, Replay, Source, Target, TargetState};
use serde_json::{Value, json};

use crate::calls::{CALLED, LAMBDA};
use crate::{read, refused, statements, template, workspace_sources};

/// What the config table holds: the type's name in code, and the kind that it is kept under.
const KINDS: [(&str, &str); 6] = [
    ("Source", Source::KIND),
    ("Key", Key::KIND),
    ("KeyUse", KeyUse::KIND),
    ("Target", Target::KIND),
    ("TargetState", TargetState::KIND),
    ("Replay", Replay::KIND),
];

/// The code of a package below `functions` or `crates`, without its tests.
fn code(package: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let parents = ["functions", "crates"].map(|parent| root.join(parent).join(package).join("src"));
    let folder = parents.iter().find(|folder| folder.exists()).expect("a package");
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.flatten().map(|entry| without_tests(&entry.path())).collect()
}

fn without_tests(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if matches!(&*name, "tests" | "tests.rs") || name.ends_with("_tests.rs") {
        return String::new();
    }
    if path.is_dir() {
        let files = std::fs::read_dir(path).expect("a folder");
        return files.flatten().map(|entry| without_tests(&entry.path())).collect();
    }
    let text = std::fs::read_to_string(path).expect("a source");
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// The function of a role: `ingest` of `IngestRole`.
fn function(role: &str) -> String {
    role.trim_end_matches("Role").to_lowercase()
}

#[test]
fn every_listed_call_exists_in_the_code() {
    for (role, resource, actions, text) in CALLED {
        assert!(
            code(&function(role)).contains(text),
            "{role} may {actions:?} on {resource} for {text:?}, which is gone"
        );
    }
    let template = read("infra/template.yaml");
    for (role, resource, _, text) in LAMBDA {
        assert!(template.contains(text), "{role} has {resource} for {text:?}, which is gone");
    }
}

#[test]
fn every_allowed_action_is_called_by_the_code() {
    let text = workspace_sources();
    for action in CALLED.iter().flat_map(|(_, _, actions, _)| *actions) {
        let (_, name) = action.split_once(':').expect("a service and a name");
        let mut call = String::from(".");
        for character in name.chars() {
            if character.is_uppercase() && call.len() > 1 {
                call.push('_');
            }
            call.extend(character.to_lowercase());
        }
        assert!(text.contains(&format!("{call}()")), "no code calls {action}");
    }
}

/// The names that code takes from `model`.
fn taken(code: &str) -> BTreeSet<&str> {
    let is_name = |text: &&str| !text.is_empty();
    code.split("model::")
        .skip(1)
        .flat_map(|rest| {
            // One name, or several in braces.
            let all = match rest.strip_prefix('{') {
                Some(rest) => rest.split('}').next().unwrap_or_default(),
                None => rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default(),
            };
            all.split(|c: char| !c.is_alphanumeric() && c != '_').filter(is_name).collect::<Vec<_>>()
        })
        .collect()
}

/// The kinds of the config table that a function works with, by the types that it takes from `model`: by itself, and
/// by `web`'s keys where it checks some.
fn used(role: &str) -> BTreeSet<&'static str> {
    let own = code(&function(role));
    let keys = if own.contains("Keys::new(") { code("web") } else { String::new() };
    let (own, keys) = (taken(&own), taken(&keys));
    KINDS.iter().filter(|(name, _)| own.contains(name) || keys.contains(name)).map(|(_, kind)| *kind).collect()
}

/// The kinds that a role's statements are restricted to.
fn restricted(template: &Value, role: &str) -> BTreeSet<String> {
    let statements = template.pointer(&statements(role)).and_then(Value::as_array).expect("statements");
    let keys = statements
        .iter()
        .filter_map(|statement| statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"].as_array());
    keys.flatten().map(|key| key.as_str().expect("a kind").to_owned()).collect()
}

/// ministack knows no leading keys, so that nothing but this would notice one that is missing, or one too many.
#[test]
fn roles_access_the_config_kinds_that_their_functions_use() {
    let template = template();
    for role in ["IngestRole", "QueryRole", "FanoutRole", "DeliverRole"] {
        let used: BTreeSet<String> = used(role).into_iter().map(str::to_owned).collect();
        assert_eq!(restricted(&template, role), used, "{role}");
    }
    assert!(used("PackRole").is_empty());
    let all: BTreeSet<&str> = KINDS.iter().map(|(_, kind)| *kind).collect();
    assert_eq!(used("ManageRole"), all, "which may do all of the config table");
}

#[test]
fn missing_and_superfluous_config_kinds_are_detected() {
    let at = |role: &str, sid: &str| {
        let template = template();
        let all = template.pointer(&statements(role)).and_then(Value::as_array).expect("statements");
        let index = all.iter().position(|statement| statement["Sid"] == sid).expect("a statement");
        format!("{}/{index}/Condition/ForAllValues:StringEquals/dynamodb:LeadingKeys", statements(role))
    };
    refused(
        &at("DeliverRole", "ReadTargets"),
        |keys| *keys = json!(["targest"]),
        "DeliverRole: does not allow dynamodb:GetItem on ConfigTable/targets",
    );
    refused(
        &at("IngestRole", "ReadKeysAndSources"),
        |keys| *keys = json!(["keys", "sources", "targets"]),
        "IngestRole ReadKeysAndSources: nothing in its function does dynamodb:Query to ConfigTable/targets",
    );
    refused(
        &at("QueryRole", "ReadKeysAndTargets"),
        |keys| *keys = json!(["keys", "targets"]),
        "QueryRole: does not allow dynamodb:Query on ConfigTable/states",
    );
}

#[test]
fn imported_names_are_parsed() {
    assert_eq!(taken("use model::Source;").into_iter().collect::<Vec<_>>(), ["Source"]);
    let several = taken("use model::{\n    Field, Key,\n};\nfn a() -> model::Target {}");
    assert_eq!(several.into_iter().collect::<Vec<_>>(), ["Field", "Key", "Target"]);
}
