//! Compares `calls.rs` with the functions' code: each call with its text, and the kinds of the config table with the
//! types that a function imports from `model`.

use std::collections::BTreeSet;
use std::path::Path;

use model::{Key, KeyUse, Record, Replay, Source, Target, TargetState};
use serde_json::{Value, json};
use store::{Deployment, SlotKey};

use crate::calls::{CODE_CALLS, LAMBDA_CALLS};
use crate::{assert_violation, read, statements_pointer, template, workspace_sources};

/// The types in the config table, with the kind under which they are stored.
const KINDS: [(&str, &str); 6] = [
    ("Source", Source::KIND),
    ("Key", Key::KIND),
    ("KeyUse", KeyUse::KIND),
    ("Target", Target::KIND),
    ("TargetState", TargetState::KIND),
    ("Replay", Replay::KIND),
];

/// Returns the code of a package below `functions` or `crates` without its tests.
fn package_code(package: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let parents = ["functions", "crates"].map(|parent| root.join(parent).join(package).join("src"));
    let folder = parents.iter().find(|folder| folder.exists()).expect("a package");
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.flatten().map(|entry| code_without_tests(&entry.path())).collect()
}

fn code_without_tests(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if matches!(&*name, "tests" | "tests.rs") || name.ends_with("_tests.rs") {
        return String::new();
    }
    if path.is_dir() {
        let files = std::fs::read_dir(path).expect("a folder");
        return files.flatten().map(|entry| code_without_tests(&entry.path())).collect();
    }
    let text = std::fs::read_to_string(path).expect("a source");
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// Returns the function of a role: `ingest` for `IngestRole`.
fn function_of(role: &str) -> String {
    role.trim_end_matches("Role").to_lowercase()
}

#[test]
fn every_listed_call_exists_in_the_code() {
    for (role, resource, actions, text) in CODE_CALLS {
        assert!(
            package_code(&function_of(role)).contains(text),
            "{role} may call {actions:?} on {resource} for {text:?}, which no longer exists"
        );
    }
    let template = read("infra/template.yaml");
    for (role, resource, _, text) in LAMBDA_CALLS {
        assert!(template.contains(text), "{role} has access to {resource} for {text:?}, which no longer exists");
    }
}

#[test]
fn every_allowed_action_is_called_by_the_code() {
    let text = workspace_sources();
    for action in CODE_CALLS.iter().flat_map(|(_, _, actions, _)| *actions) {
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

/// Returns the names that code imports from `model`.
fn imported_names(code: &str) -> BTreeSet<&str> {
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

/// Returns the kinds of the config table that a function uses, by the types that it imports from `model`, directly or
/// through the key check of `web`, by inserting events, which needs the slot key, and by asking whether a target exists.
fn used_kinds(role: &str) -> BTreeSet<&'static str> {
    let own = package_code(&function_of(role));
    let keys = if own.contains("Keys::new(") { package_code("web") } else { String::new() };
    let slots = own.contains(".with_slot_key(").then_some(SlotKey::KIND);
    let deployment = own.contains("DeploymentCheck::new(").then_some(Deployment::KIND);
    let presence = own.contains("TargetPresence::new(").then_some(Target::KIND);
    let (own, keys) = (imported_names(&own), imported_names(&keys));
    let kinds = KINDS.iter().filter(|(name, _)| own.contains(name) || keys.contains(name)).map(|(_, kind)| *kind);
    kinds.chain(slots).chain(presence).chain(deployment).collect()
}

/// Returns the kinds to which a role's statements are restricted.
fn allowed_kinds(template: &Value, role: &str) -> BTreeSet<String> {
    let statements = template.pointer(&statements_pointer(role)).and_then(Value::as_array).expect("statements");
    let of_config = statements.iter().filter(|statement| statement["Resource"].to_string().contains("ConfigTable"));
    let keys = of_config
        .filter_map(|statement| statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"].as_array());
    keys.flatten().map(|key| key.as_str().expect("a kind").to_owned()).collect()
}

/// ministack ignores leading keys, so only this test finds missing or superfluous ones.
#[test]
fn roles_access_the_config_kinds_that_their_functions_use() {
    let template = template();
    for role in ["IngestRole", "QueryRole", "FanoutRole", "DeliverRole", "PackRole"] {
        let used: BTreeSet<String> = used_kinds(role).into_iter().map(str::to_owned).collect();
        assert_eq!(allowed_kinds(&template, role), used, "{role}");
    }
    let all: BTreeSet<&str> = KINDS.iter().map(|(_, kind)| *kind).chain([SlotKey::KIND, Deployment::KIND]).collect();
    assert_eq!(used_kinds("ManageRole"), all, "manage has access to all of the config table");
}

#[test]
fn missing_and_superfluous_config_kinds_are_detected() {
    let at = |role: &str, sid: &str| {
        let template = template();
        let all = template.pointer(&statements_pointer(role)).and_then(Value::as_array).expect("statements");
        let index = all.iter().position(|statement| statement["Sid"] == sid).expect("a statement");
        format!("{}/{index}/Condition/ForAllValues:StringEquals/dynamodb:LeadingKeys", statements_pointer(role))
    };
    assert_violation(
        &at("DeliverRole", "ReadTargets"),
        |keys| *keys = json!(["targest"]),
        "DeliverRole: does not allow dynamodb:GetItem on ConfigTable/targets",
    );
    assert_violation(
        &at("IngestRole", "ReadKeysAndSources"),
        |keys| *keys = json!(["keys", "slots", "sources", "replays"]),
        "IngestRole ReadKeysAndSources: the function does not call dynamodb:Query on ConfigTable/replays",
    );
    // Ingest asks whether a target exists, and reads nothing else of it.
    assert_violation(
        &at("IngestRole", "ReadKeysAndSources"),
        |keys| *keys = json!(["keys", "slots", "sources", "targets"]),
        "IngestRole ReadKeysAndSources: ingest may read the credentials of receivers",
    );
    assert_violation(
        &at("QueryRole", "ReadKeysAndTargets"),
        |keys| *keys = json!(["keys", "targets"]),
        "QueryRole: does not allow dynamodb:Query on ConfigTable/states",
    );
}

#[test]
fn imported_names_are_parsed() {
    assert_eq!(imported_names("use model::Source;").into_iter().collect::<Vec<_>>(), ["Source"]);
    let several = imported_names("use model::{\n    Field, Key,\n};\nfn a() -> model::Target {}");
    assert_eq!(several.into_iter().collect::<Vec<_>>(), ["Field", "Key", "Target"]);
}
