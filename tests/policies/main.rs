//! What the project says of its own security, held against the project: the template's rules, and the tests that
//! SECURITY.md names.

mod calls;
mod metrics;
mod parameters;
mod roles;
mod rules;
mod template;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use rules::complaints;

/// A file of the repository.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn template() -> Value {
    template::parse(&read("infra/template.yaml"))
}

#[test]
fn the_template_follows_every_rule() {
    let found = complaints(&template());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Spoils the template, and expects a complaint that says this.
#[track_caller]
fn refused(place: &str, spoil: impl FnOnce(&mut Value), complaint: &str) {
    let mut template = template();
    let spoilt = template.pointer_mut(place).unwrap_or_else(|| panic!("the template has no {place}"));
    spoil(spoilt);
    let found = complaints(&template);
    assert!(found.iter().any(|found| found.contains(complaint)), "{place}: expected {complaint:?}, got {found:#?}");
}

fn without(member: &'static str) -> impl FnOnce(&mut Value) {
    move |value| {
        value.as_object_mut().and_then(|members| members.remove(member)).unwrap_or_else(|| panic!("no {member}"));
    }
}

fn with(statement: Value) -> impl FnOnce(&mut Value) {
    move |value| value.as_array_mut().expect("statements").push(statement)
}

/// The statements of a function's role.
fn statements(role: &str) -> String {
    format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement")
}

fn table(action: &str, table: &str) -> Value {
    json!({ "Sid": "More", "Effect": "Allow", "Action": action, "Resource": { "GetAtt": format!("{table}.Arn") } })
}

#[test]
fn overly_broad_statements_are_detected() {
    let wild = json!({ "Sid": "More", "Effect": "Allow", "Action": "dynamodb:*", "Resource": { "GetAtt": "EventsTable.Arn" } });
    refused(&statements("PackRole"), with(wild), "PackRole More: wildcard action dynamodb:*");
    let wild = json!({ "Sid": "More", "Effect": "Allow", "Action": "dynamodb:Query", "Resource": "*" });
    refused(&statements("PackRole"), with(wild), "PackRole More: wildcard resource *");
    let wild = json!({ "Sid": "More", "Effect": "Allow", "Action": "dynamodb:Query",
        "Resource": { "If": ["MakesKey", { "Sub": "${EventsTable.Arn}/*" }, { "Ref": "SecretsKeyArn" }] } });
    refused(&statements("PackRole"), with(wild), "PackRole More: wildcard resource ${EventsTable.Arn}/*");
    let all_but = json!({ "Sid": "More", "Effect": "Allow", "NotAction": "iam:PassRole", "Resource": { "GetAtt": "EventsTable.Arn" } });
    refused(&statements("PackRole"), with(all_but), "PackRole More: says NotAction");
    refused(&format!("{}/0", statements("PackRole")), without("Sid"), "PackRole: a statement without a Sid");
}

#[test]
fn unneeded_permissions_are_detected() {
    refused(
        &statements("QueryRole"),
        with(table("dynamodb:DeleteItem", "EventsTable")),
        "QueryRole More: query may write",
    );
    refused(
        &statements("QueryRole"),
        with(table("dynamodb:PutItem", "ConfigTable")),
        "QueryRole More: query may write",
    );
    refused(
        &statements("IngestRole"),
        with(table("dynamodb:GetItem", "ConfigTable")),
        "IngestRole More: nothing in its function does dynamodb:GetItem to ConfigTable",
    );
    refused(
        &statements("IngestRole"),
        with(table("dynamodb:UpdateItem", "EventsTable")),
        "IngestRole More: changes events",
    );
    refused(
        &statements("DeliverRole"),
        with(table("dynamodb:GetItem", "QuarantineTable")),
        "DeliverRole More: has no business",
    );
    refused(
        &statements("DeliverRole"),
        with(table("dynamodb:Query", "ConfigTable")),
        "DeliverRole More: reads all of ConfigTable",
    );
    refused(
        &statements("PackRole"),
        with(table("kms:Decrypt", "SecretsKey")),
        "PackRole More: has no business with secrets",
    );
    refused(
        &statements("PackRole"),
        with(table("dynamodb:Scan", "EventsTable")),
        "PackRole More: nothing in its function does dynamodb:Scan to EventsTable",
    );
    // What other functions do, or this one to something else.
    refused(
        &statements("QueryRole"),
        with(table("dynamodb:GetItem", "DeliveriesTable")),
        "QueryRole More: nothing in its function does dynamodb:GetItem to DeliveriesTable",
    );
    let queue = json!({ "Sid": "More", "Effect": "Allow", "Action": "sqs:ChangeMessageVisibility",
        "Resource": { "GetAtt": "ReplayQueue.Arn" } });
    refused(&statements("FanoutRole"), with(queue), "FanoutRole More: nothing in its function does sqs:Change");
    let index = json!({ "Sid": "More", "Effect": "Allow", "Action": "dynamodb:Query",
        "Resource": { "Sub": "${DeliveriesTable.Arn}/index/by_target" } });
    refused(&statements("FanoutRole"), with(index), "does dynamodb:Query to DeliveriesTable/index/by_target");
    let own = "/Resources/PackFunction/Properties/Role";
    refused(own, |role| *role = json!({ "GetAtt": "QueryRole.Arn" }), "QueryRole: shared by");
}

#[test]
fn unprotected_resources_are_detected() {
    let events = "/Resources/EventsTable/Properties";
    refused(events, without("SSESpecification"), "EventsTable: not encrypted");
    refused(events, without("PointInTimeRecoverySpecification"), "EventsTable: no point-in-time recovery");
    refused(events, without("TimeToLiveSpecification"), "EventsTable: no time to live");
    refused(events, |of| of["DeletionProtectionEnabled"] = json!(false), "EventsTable: deletion protection");
    refused("/Resources/EventsTable", without("DeletionPolicy"), "EventsTable: DeletionPolicy");
    let queue = "/Resources/DeliveryQueue/Properties";
    refused(queue, without("SqsManagedSseEnabled"), "DeliveryQueue: not encrypted");
    refused(queue, without("RedrivePolicy"), "DeliveryQueue: no dead letters");
    refused("/Resources/QueryLogs/Properties", without("RetentionInDays"), "QueryLogs: kept for ever");
    let permission = "/Resources/QueryPermission/Properties";
    refused(permission, without("SourceArn"), "QueryPermission: not of this one API");
    refused(permission, |of| of["SourceArn"] = json!("*"), "QueryPermission: not of this one API");
    let any = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:*/*";
    refused(permission, |of| of["SourceArn"] = json!({ "Sub": any }), "QueryPermission: not of this one API");
}

#[test]
fn missing_limits_are_detected() {
    refused("/Resources/QueryFunction/Properties", without("Timeout"), "QueryFunction: no Timeout");
    refused("/Resources/QueryFunction/Properties", without("MemorySize"), "QueryFunction: no MemorySize");
    let deliveries = "/Resources/DeliverFunction/Properties/Events/Deliveries/Properties";
    refused(deliveries, without("ScalingConfig"), "DeliverFunction Deliveries: no MaximumConcurrency");
    let stream = "/Resources/FanoutFunction/Properties/Events/NewEvents/Properties";
    refused(stream, without("DestinationConfig"), "FanoutFunction NewEvents: no DestinationConfig");
    refused(stream, without("MaximumRecordAgeInSeconds"), "FanoutFunction NewEvents: records are tried until");
    refused(
        stream,
        |of| of["MaximumRecordAgeInSeconds"] = json!(-1),
        "FanoutFunction NewEvents: records are tried until",
    );
    refused(stream, |of| of["MaximumRetryAttempts"] = json!(25), "FanoutFunction NewEvents: attempts end before");
    let stage = "/Resources/HttpStage/Properties/DefaultRouteSettings";
    refused(stage, without("ThrottlingRateLimit"), "HttpStage: no ThrottlingRateLimit");
}

/// The Rust code of every function and library.
fn workspace_sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    sources(&root.join("functions")) + &sources(&root.join("crates"))
}

/// The text of every Rust file below a folder.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &std::fs::read_to_string(&path).expect("a source");
        }
    }
    text
}

/// The tests that a page names, each as [`name`](path), with the path.
fn named(page: &str) -> Vec<(&str, &str)> {
    let links = page.split("[`").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("`](")?;
        Some((name, rest.split_once(')')?.0))
    });
    links.filter(|(_, path)| Path::new(path).extension().is_some_and(|kind| kind == "rs" || kind == "mjs")).collect()
}

/// Whether a file's text has a test of this name.
fn has_test(text: &str, name: &str) -> bool {
    text.contains(&format!("fn {name}(")) || text.contains(&format!("test('{name}'"))
}

#[test]
fn tests_named_in_security_md_exist() {
    let page = read("SECURITY.md");
    let tests = named(&page);
    assert!(tests.len() > 30, "SECURITY.md names {} tests", tests.len());
    let missing: BTreeSet<_> = tests.into_iter().filter(|(name, path)| !has_test(&read(path), name)).collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that are not there: {missing:#?}");
}

#[test]
fn every_threat_names_a_test_or_explains_why_not() {
    let page = read("SECURITY.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| threat"));
    let bare: Vec<_> = rows.filter(|row| named(row).is_empty() && !row.contains("No test:")).collect();
    assert!(bare.is_empty(), "threats without a test: {bare:#?}");
}

#[test]
fn links_to_tests_are_parsed_and_checked() {
    assert_eq!(named("so [`a_b`](x/y.rs), [`c d`](z.mjs) and [`e`](f.md)"), [("a_b", "x/y.rs"), ("c d", "z.mjs")]);
    assert!(has_test("fn a_b() {}", "a_b") && has_test("test('c d', async", "c d"));
    assert!(!has_test("fn a_bc() {}", "a_b") && !has_test("// a_b", "a_b"));
}
