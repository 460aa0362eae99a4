//! Tests of the project itself: the template's rules and permissions, documented metrics, and the tests that SECURITY.md
//! names.

mod calls;
mod docs;
mod metrics;
mod parameters;
mod roles;
mod rules;
mod template;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use rules::find_violations;

/// Reads a file of the repository.
fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn template() -> Value {
    template::parse(&read("infra/template.yaml"))
}

#[test]
fn the_template_follows_every_rule() {
    let found = find_violations(&template());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Changes the template at a JSON pointer, and expects a violation that contains this text.
#[track_caller]
fn assert_violation(pointer: &str, change: impl FnOnce(&mut Value), expected: &str) {
    let mut template = template();
    let value = template.pointer_mut(pointer).unwrap_or_else(|| panic!("the template has no {pointer}"));
    change(value);
    let found = find_violations(&template);
    assert!(found.iter().any(|found| found.contains(expected)), "{pointer}: expected {expected:?}, got {found:#?}");
}

fn without_member(member: &'static str) -> impl FnOnce(&mut Value) {
    move |value| {
        value.as_object_mut().and_then(|members| members.remove(member)).unwrap_or_else(|| panic!("no {member}"));
    }
}

fn with_statement(statement: Value) -> impl FnOnce(&mut Value) {
    move |value| value.as_array_mut().expect("statements").push(statement)
}

/// Returns the JSON pointer to the statements of a role.
fn statements_pointer(role: &str) -> String {
    format!("/Resources/{role}/Properties/Policies/0/PolicyDocument/Statement")
}

fn allow_on_table(action: &str, table: &str) -> Value {
    json!({ "Sid": "More", "Effect": "Allow", "Action": action, "Resource": { "GetAtt": format!("{table}.Arn") } })
}

#[test]
fn overly_broad_statements_are_detected() {
    let wild = json!({ "Sid": "More", "Effect": "Allow", "Action": "dynamodb:*", "Resource": { "GetAtt": "EventsTable.Arn" } });
    assert_violation(
        &statements_pointer("PackRole"),
        with_statement(wild),
        "PackRole More: wildcard action dynamodb:*",
    );
    let wild = json!({ "Sid": "More", "Effect": "Allow", "Action": "dynamodb:Query", "Resource": "*" });
    assert_violation(&statements_pointer("PackRole"), with_statement(wild), "PackRole More: wildcard resource *");
    let wild = json!({ "Sid": "More", "Effect": "Allow", "Action": "dynamodb:Query",
        "Resource": { "If": ["CreatesSecretsKey", { "Sub": "${EventsTable.Arn}/*" }, { "Ref": "SecretsKeyArn" }] } });
    assert_violation(
        &statements_pointer("PackRole"),
        with_statement(wild),
        "PackRole More: wildcard resource ${EventsTable.Arn}/*",
    );
    let all_but = json!({ "Sid": "More", "Effect": "Allow", "NotAction": "iam:PassRole", "Resource": { "GetAtt": "EventsTable.Arn" } });
    assert_violation(&statements_pointer("PackRole"), with_statement(all_but), "PackRole More: NotAction allows");
    assert_violation(
        &format!("{}/0", statements_pointer("PackRole")),
        without_member("Sid"),
        "PackRole: a statement without a Sid",
    );
}

#[test]
fn unneeded_permissions_are_detected() {
    assert_violation(
        &statements_pointer("QueryRole"),
        with_statement(allow_on_table("dynamodb:DeleteItem", "EventsTable")),
        "QueryRole More: query may write data",
    );
    assert_violation(
        &statements_pointer("QueryRole"),
        with_statement(allow_on_table("dynamodb:PutItem", "ConfigTable")),
        "QueryRole More: query may write data",
    );
    assert_violation(
        &statements_pointer("IngestRole"),
        with_statement(allow_on_table("dynamodb:GetItem", "ConfigTable")),
        "IngestRole More: the function does not call dynamodb:GetItem on ConfigTable",
    );
    assert_violation(
        &statements_pointer("IngestRole"),
        with_statement(allow_on_table("dynamodb:UpdateItem", "EventsTable")),
        "IngestRole More: events must not be changed",
    );
    assert_violation(
        &statements_pointer("DeliverRole"),
        with_statement(allow_on_table("dynamodb:GetItem", "QuarantineTable")),
        "DeliverRole More: access to the quarantine is not needed",
    );
    assert_violation(
        &statements_pointer("DeliverRole"),
        with_statement(allow_on_table("dynamodb:Query", "ConfigTable")),
        "DeliverRole More: access to all of ConfigTable",
    );
    assert_violation(
        &statements_pointer("PackRole"),
        with_statement(allow_on_table("kms:Decrypt", "SecretsKey")),
        "PackRole More: access to secrets is not needed",
    );
    assert_violation(
        &statements_pointer("PackRole"),
        with_statement(allow_on_table("dynamodb:Scan", "EventsTable")),
        "PackRole More: the function does not call dynamodb:Scan on EventsTable",
    );
    assert_violation(
        &statements_pointer("DeliverRole"),
        with_statement(allow_on_table("kms:Decrypt", "SecretsKey")),
        "DeliverRole More: a shared key decrypts the secrets of other systems",
    );
    // Actions of other functions, and this function's actions on other resources.
    assert_violation(
        &statements_pointer("QueryRole"),
        with_statement(allow_on_table("dynamodb:GetItem", "DeliveriesTable")),
        "QueryRole More: the function does not call dynamodb:GetItem on DeliveriesTable",
    );
    let queue = json!({ "Sid": "More", "Effect": "Allow", "Action": "sqs:ChangeMessageVisibility",
        "Resource": { "GetAtt": "ReplayQueue.Arn" } });
    assert_violation(
        &statements_pointer("FanoutRole"),
        with_statement(queue),
        "FanoutRole More: the function does not call sqs:Change",
    );
    let index = json!({ "Sid": "More", "Effect": "Allow", "Action": "dynamodb:Query",
        "Resource": { "Sub": "${DeliveriesTable.Arn}/index/by_target" } });
    assert_violation(
        &statements_pointer("FanoutRole"),
        with_statement(index),
        "does not call dynamodb:Query on DeliveriesTable/index/by_target",
    );
    let own = "/Resources/PackFunction/Properties/Role";
    assert_violation(own, |role| *role = json!({ "GetAtt": "QueryRole.Arn" }), "QueryRole: shared by");
}

#[test]
fn unprotected_resources_are_detected() {
    let events = "/Resources/EventsTable/Properties";
    assert_violation(events, without_member("SSESpecification"), "EventsTable: not encrypted with TableKeyArn");
    assert_violation(
        events,
        without_member("PointInTimeRecoverySpecification"),
        "EventsTable: no point-in-time recovery",
    );
    assert_violation(events, without_member("TimeToLiveSpecification"), "EventsTable: no time to live");
    assert_violation(events, |of| of["DeletionProtectionEnabled"] = json!(false), "EventsTable: deletion protection");
    assert_violation("/Resources/EventsTable", without_member("DeletionPolicy"), "EventsTable: DeletionPolicy");
    let variables = "/Resources/QueryFunction/Properties/Environment/Variables";
    assert_violation(variables, without_member("RETENTION_DAYS"), "QueryFunction: no RETENTION_DAYS");
    let queue = "/Resources/DeliveryQueue/Properties";
    assert_violation(queue, without_member("SqsManagedSseEnabled"), "DeliveryQueue: not encrypted");
    assert_violation(queue, without_member("RedrivePolicy"), "DeliveryQueue: no dead-letter queue");
    assert_violation(
        "/Resources/QueryLogs/Properties",
        without_member("RetentionInDays"),
        "QueryLogs: no log retention",
    );
    let permission = "/Resources/QueryPermission/Properties";
    assert_violation(permission, without_member("SourceArn"), "QueryPermission: source is not this API");
    assert_violation(permission, |of| of["SourceArn"] = json!("*"), "QueryPermission: source is not this API");
    let any = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:*/*";
    assert_violation(
        permission,
        |of| of["SourceArn"] = json!({ "Sub": any }),
        "QueryPermission: source is not this API",
    );
}

#[test]
fn missing_limits_are_detected() {
    assert_violation("/Resources/QueryFunction/Properties", without_member("Timeout"), "QueryFunction: no Timeout");
    assert_violation(
        "/Resources/QueryFunction/Properties",
        without_member("MemorySize"),
        "QueryFunction: no MemorySize",
    );
    let deliveries = "/Resources/DeliverFunction/Properties/Events/Deliveries/Properties";
    assert_violation(deliveries, without_member("ScalingConfig"), "DeliverFunction Deliveries: no MaximumConcurrency");
    let stream = "/Resources/FanoutFunction/Properties/Events/NewEvents/Properties";
    assert_violation(stream, without_member("DestinationConfig"), "FanoutFunction NewEvents: no DestinationConfig");
    assert_violation(
        stream,
        without_member("MaximumRecordAgeInSeconds"),
        "FanoutFunction NewEvents: records are retried until",
    );
    assert_violation(
        stream,
        |of| of["MaximumRecordAgeInSeconds"] = json!(-1),
        "FanoutFunction NewEvents: records are retried until",
    );
    assert_violation(
        stream,
        |of| of["MaximumRetryAttempts"] = json!(25),
        "FanoutFunction NewEvents: retries end before",
    );
    for (function, queue) in [("FanoutFunction", "ReplayQueue"), ("DeliverFunction", "SlowDeliveryQueue")] {
        assert_violation(
            &format!("/Resources/{function}/Properties"),
            without_member("RecursiveLoop"),
            &format!("{function}: receives from {queue} and sends to it"),
        );
    }
    assert_violation(
        "/Resources/QueryFunction/Properties/LoggingConfig",
        without_member("SystemLogLevel"),
        "QueryFunction: Lambda logs every invocation",
    );
    let routes = "/Resources/HttpStage/Properties/RouteSettings";
    assert_violation(routes, without_member("POST /v1/events"), "HttpStage: other requests can use up");
    let stage = "/Resources/HttpStage/Properties/DefaultRouteSettings";
    assert_violation(stage, without_member("ThrottlingRateLimit"), "HttpStage: no ThrottlingRateLimit");
}

/// Returns the Rust code of every function and library.
fn workspace_sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    sources(&root.join("functions")) + &sources(&root.join("crates"))
}

/// Returns the text of every Rust file below a folder.
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

/// Returns the name and path of every test that a page links as [`name`](path).
fn linked_tests(page: &str) -> Vec<(&str, &str)> {
    let links = page.split("[`").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once("`](")?;
        Some((name, rest.split_once(')')?.0))
    });
    links.filter(|(_, path)| Path::new(path).extension().is_some_and(|kind| kind == "rs" || kind == "mjs")).collect()
}

/// Decides if a file has a test of this name.
fn has_test(text: &str, name: &str) -> bool {
    text.contains(&format!("fn {name}(")) || text.contains(&format!("test('{name}'"))
}

#[test]
fn tests_named_in_security_md_exist() {
    let page = read("SECURITY.md");
    let tests = linked_tests(&page);
    assert!(tests.len() > 30, "SECURITY.md names only {} tests", tests.len());
    let missing: BTreeSet<_> = tests.into_iter().filter(|(name, path)| !has_test(&read(path), name)).collect();
    assert!(missing.is_empty(), "SECURITY.md names tests that do not exist: {missing:#?}");
}

#[test]
fn every_threat_names_a_test_or_explains_why_not() {
    let page = read("SECURITY.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| threat"));
    let bare: Vec<_> = rows.filter(|row| linked_tests(row).is_empty() && !row.contains("No test:")).collect();
    assert!(bare.is_empty(), "threats without a test: {bare:#?}");
}

#[test]
fn links_to_tests_are_parsed_and_checked() {
    assert_eq!(
        linked_tests("so [`a_b`](x/y.rs), [`c d`](z.mjs) and [`e`](f.md)"),
        [("a_b", "x/y.rs"), ("c d", "z.mjs")]
    );
    assert!(has_test("fn a_b() {}", "a_b") && has_test("test('c d', async", "c d"));
    assert!(!has_test("fn a_bc() {}", "a_b") && !has_test("// a_b", "a_b"));
}
