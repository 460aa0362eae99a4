//! The rules of the template. Each reports the violation and its place.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::calls;

/// Actions that need the resource `*`, with the reason.
const WILDCARD_ACTIONS: [(&str, &str); 8] = [
    ("xray:PutTraceSegments", "X-Ray defines no resource for this action"),
    ("xray:PutTelemetryRecords", "X-Ray defines no resource for this action"),
    ("ec2:AssignPrivateIpAddresses", "the interfaces do not exist yet"),
    ("ec2:CreateNetworkInterface", "the interfaces do not exist yet"),
    ("ec2:DeleteNetworkInterface", "the interfaces do not exist yet"),
    ("ec2:DescribeNetworkInterfaces", "EC2 defines no resource for this action"),
    ("ec2:DescribeSubnets", "EC2 defines no resource for this action"),
    ("ec2:UnassignPrivateIpAddresses", "the interfaces do not exist yet"),
];

/// Actions that only read data.
const READ_ACTIONS: [&str; 3] = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"];

/// Prefix of the source ARN in the API's permissions.
const API_ARN_PREFIX: &str = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/";

/// Allowed maximum age of a stream record, in seconds. The stream stores records for a day.
const RECORD_AGE_SECONDS: std::ops::Range<i64> = 60..86_400;

/// Returns every violation in a template.
pub(crate) fn find_violations(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let resources = template["Resources"].as_object().expect("resources");
    let mut owners = BTreeMap::new();
    check_parameters(template, &mut found);
    check_recursion(resources, &mut found);
    for (name, resource) in resources {
        let properties = &resource["Properties"];
        match resource["Type"].as_str().expect("a type") {
            "AWS::IAM::Role" => check_role(name, properties, &mut found),
            "AWS::DynamoDB::Table" => check_table(name, resource, &mut found),
            "AWS::SQS::Queue" => check_queue(name, properties, resources, &mut found),
            "AWS::Serverless::Function" => {
                check_function(name, properties, &mut found);
                owners.entry(names(&properties["Role"]).concat()).or_insert_with(Vec::new).push(name.as_str());
            }
            "AWS::Logs::LogGroup" => require(name, properties, "RetentionInDays", "no log retention", &mut found),
            "AWS::Lambda::Permission" => check_permission(name, properties, &mut found),
            "AWS::ApiGatewayV2::Stage" => check_stage(name, properties, &mut found),
            _ => {}
        }
    }
    for (role, owners) in owners {
        if owners.len() > 1 {
            found.push(format!("{role}: shared by {}", owners.join(", ")));
        }
    }
    found
}

fn require(name: &str, properties: &Value, member: &str, violation: &str, found: &mut Vec<String>) {
    if properties[member].is_null() {
        found.push(format!("{name}: {violation}"));
    }
}

/// Returns the texts in a value, a list, or all branches of an `If`. The ARN of a resource becomes the resource's name.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(names).collect(),
        Value::Object(members) => members.iter().flat_map(|(function, value)| names_of_call(function, value)).collect(),
        _ => Vec::new(),
    }
}

fn names_of_call(function: &str, value: &Value) -> Vec<String> {
    match (function, value) {
        ("GetAtt", Value::String(text)) => vec![text.trim_end_matches(".Arn").to_owned()],
        ("If", Value::Array(branches)) => branches.iter().skip(1).flat_map(names).collect(),
        (_, value) => names(value),
    }
}

/// Parameters must be strings with a pattern: the type `Number` allows fractions, which functions and services reject.
fn check_parameters(template: &Value, found: &mut Vec<String>) {
    for (name, parameter) in template["Parameters"].as_object().into_iter().flatten() {
        if !parameter["AllowedValues"].is_null() {
            continue;
        }
        if parameter["Type"] == "Number" {
            found.push(format!("{name}: allows fractions"));
        }
        require(name, parameter, "AllowedPattern", "no AllowedPattern", found);
        require(name, parameter, "ConstraintDescription", "no ConstraintDescription", found);
    }
}

/// A function that sends to a queue that it receives from must allow recursion: Lambda ends a chain of messages after 16
/// invocations (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>).
fn check_recursion(resources: &Map<String, Value>, found: &mut Vec<String>) {
    for (name, function) in resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function") {
        let properties = &function["Properties"];
        let role = names(&properties["Role"]).concat();
        let sources = properties["Events"].as_object().into_iter().flatten();
        let queues: Vec<String> = sources.flat_map(|(_, source)| names(&source["Properties"]["Queue"])).collect();
        let policies = resources[&role]["Properties"]["Policies"].as_array().into_iter().flatten();
        let statements = policies.filter_map(|policy| policy["PolicyDocument"]["Statement"].as_array());
        let statements: Vec<&Value> = statements.flatten().collect();
        let sends_to = |queue: &String| {
            statements.iter().any(|statement| {
                names(&statement["Action"]).iter().any(|action| action == "sqs:SendMessage")
                    && names(&statement["Resource"]).contains(queue)
            })
        };
        for queue in queues.iter().filter(|queue| sends_to(queue)) {
            if properties["RecursiveLoop"] != "Allow" {
                found.push(format!("{name}: receives from {queue} and sends to it without RecursiveLoop: Allow"));
            }
        }
    }
}

fn check_permission(name: &str, properties: &Value, found: &mut Vec<String>) {
    let source = names(&properties["SourceArn"]).concat();
    if !source.starts_with(API_ARN_PREFIX) {
        found.push(format!("{name}: source is not this API: {source:?}"));
    }
}

fn check_role(role: &str, properties: &Value, found: &mut Vec<String>) {
    if !properties["ManagedPolicyArns"].is_null() {
        found.push(format!("{role}: managed policies allow more than the role needs"));
    }
    let policies = properties["Policies"].as_array().map_or(&[][..], Vec::as_slice);
    // A policy with a condition is the first branch of an `If`.
    let policies = policies.iter().map(|policy| policy["If"].get(1).unwrap_or(policy));
    let statements: Vec<&Value> =
        policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().expect("a list")).collect();
    find_missing_actions(role, &statements, found);
    for statement in statements {
        let Some(sid) = statement["Sid"].as_str() else {
            found.push(format!("{role}: a statement without a Sid"));
            continue;
        };
        for violation in check_statement(role, statement) {
            found.push(format!("{role} {sid}: {violation}"));
        }
    }
}

/// Returns the resources of a statement as `calls.rs` names them: an index with its table, and the config table with the
/// kinds to which the statement is restricted.
fn restricted_resources(statement: &Value) -> Vec<String> {
    let keys = names(&statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]);
    let resources = names(&statement["Resource"]).into_iter();
    // The secrets key is a resource of the stack or the parameter `SecretsKeyArn`.
    let resources = resources.filter(|resource| resource != "SecretsKeyArn");
    let named = resources.flat_map(|resource| match resource.as_str() {
        "ConfigTable" if !keys.is_empty() => keys.iter().map(|key| format!("ConfigTable/{key}")).collect(),
        other => vec![other.replace("${", "").replace(".Arn}", "")],
    });
    named.collect()
}

/// Finds calls of a function that its role does not allow.
fn find_missing_actions(role: &str, statements: &[&Value], found: &mut Vec<String>) {
    for (_, resource, actions, _) in calls::all_calls().filter(|(caller, ..)| *caller == role) {
        for action in *actions {
            let allows = |statement: &&&Value| {
                names(&statement["Action"]).iter().any(|allowed| allowed == action)
                    && restricted_resources(statement).iter().any(|allowed| allowed == resource)
            };
            if !statements.iter().any(|statement| allows(&statement)) {
                found.push(format!("{role}: does not allow {action} on {resource}, which its function calls"));
            }
        }
    }
}

/// Returns the violations in one statement of a role.
fn check_statement(role: &str, statement: &Value) -> Vec<String> {
    let (actions, resources) = (names(&statement["Action"]), names(&statement["Resource"]));
    let mut found = Vec::new();
    for member in ["NotAction", "NotResource"] {
        if !statement[member].is_null() {
            found.push(format!("{member} allows unlisted actions or resources"));
        }
    }
    for action in &actions {
        if action.contains('*') {
            found.push(format!("wildcard action {action}"));
        }
        for resource in restricted_resources(statement) {
            if !calls::is_called(role, &resource, action) {
                found.push(format!("the function does not call {action} on {resource}"));
            }
        }
    }
    let needs_wildcard = |action: &String| WILDCARD_ACTIONS.iter().any(|(name, _)| name == action);
    for resource in resources.iter().filter(|resource| resource.contains('*')) {
        if !(resource == "*" && actions.iter().all(needs_wildcard)) {
            found.push(format!("wildcard resource {resource}"));
        }
    }
    found.extend(check_data_access(role, statement, &actions, &resources));
    found
}

/// Checks access to data that a function must not read or write.
fn check_data_access(role: &str, statement: &Value, actions: &[String], resources: &[String]) -> Vec<String> {
    let on = |name: &str| resources.iter().any(|resource| resource.contains(name));
    let keys = names(&statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]);
    let within = |allowed: &[&str]| !keys.is_empty() && keys.iter().all(|key| allowed.contains(&key.as_str()));
    let writes = actions.iter().any(|action| {
        let data = ["dynamodb:", "sqs:", "kms:"].iter().any(|service| action.starts_with(service));
        data && !READ_ACTIONS.contains(&action.as_str())
    });
    let changes = ["dynamodb:UpdateItem", "dynamodb:DeleteItem"];
    let mut found = Vec::new();
    // Query writes only a key's day of use, which is stored in a partition of its own.
    if role == "QueryRole" && writes && !(on("ConfigTable") && within(&["uses"])) {
        found.push("query may write data".to_owned());
    }
    if on("EventsTable") && actions.iter().any(|action| changes.contains(&action.as_str())) {
        found.push("events must not be changed".to_owned());
    }
    if on("ConfigTable") && role != "ManageRole" && keys.is_empty() {
        found.push("access to all of ConfigTable".to_owned());
    }
    let attributes = names(&statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]);
    let reads_keys_only = attributes == ["pk", "sk"]
        && statement["Condition"]["StringEquals"]["dynamodb:Select"] == "SPECIFIC_ATTRIBUTES";
    if role == "IngestRole" && keys.iter().any(|key| key == "targets") && !reads_keys_only {
        found.push("ingest may read the credentials of receivers".to_owned());
    }
    let quarantine = matches!(role, "IngestRole" | "ManageRole");
    if on("QuarantineTable") && !quarantine {
        found.push("access to the quarantine is not needed".to_owned());
    }
    let secrets = matches!(role, "DeliverRole" | "ManageRole");
    if actions.iter().any(|action| action.starts_with("kms:")) && !secrets {
        found.push("access to secrets is not needed".to_owned());
    }
    let context = &statement["Condition"]["StringEquals"]["kms:EncryptionContext:purpose"];
    if actions.iter().any(|action| action.starts_with("kms:")) && context != "tidings-targets" {
        found.push("a shared key decrypts the secrets of other systems".to_owned());
    }
    found
}

fn check_table(name: &str, resource: &Value, found: &mut Vec<String>) {
    let properties = &resource["Properties"];
    let switches = [
        ("/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", "no point-in-time recovery"),
        ("/TimeToLiveSpecification/Enabled", "no time to live"),
    ];
    for (switch, violation) in switches {
        // Segments can be made again from the log.
        let is_optional = name == "SegmentsTable" && switch.starts_with("/PointInTimeRecovery");
        if !is_optional && properties.pointer(switch) != Some(&Value::Bool(true)) {
            found.push(format!("{name}: {violation}"));
        }
    }
    if properties["SSESpecification"]["If"][1]["KMSMasterKeyId"]["Ref"] != "TableKeyArn" {
        found.push(format!("{name}: not encrypted with TableKeyArn"));
    }
    let protected = |value: &Value| value["If"][0] == "DataIsProtected" && !value["If"][1].is_null();
    if !protected(&properties["DeletionProtectionEnabled"]) {
        found.push(format!("{name}: deletion protection does not depend on ProtectData"));
    }
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        if !protected(&resource[policy]) {
            found.push(format!("{name}: {policy} does not depend on ProtectData"));
        }
    }
}

fn check_queue(name: &str, properties: &Value, resources: &Map<String, Value>, found: &mut Vec<String>) {
    if properties["SqsManagedSseEnabled"] != Value::Bool(true) && properties["KmsMasterKeyId"].is_null() {
        found.push(format!("{name}: not encrypted"));
    }
    let is_dead_letter_queue_of =
        |other: &Value| names(&other["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]).contains(&name.to_owned());
    let is_stream_destination = |other: &Value| {
        other["Properties"]["Events"].to_string().contains(&format!("\"Destination\":{{\"GetAtt\":\"{name}.Arn\"}}"))
    };
    let is_last = resources.values().any(|other| is_dead_letter_queue_of(other) || is_stream_destination(other));
    if properties["RedrivePolicy"].is_null() && !is_last {
        found.push(format!("{name}: no dead-letter queue"));
    }
}

/// Checks the limits of a function and the concurrency of its event sources. The API's stage limits its functions, and a
/// schedule starts one invocation.
fn check_function(name: &str, properties: &Value, found: &mut Vec<String>) {
    for member in ["Timeout", "MemorySize", "Role"] {
        require(name, properties, member, &format!("no {member}"), found);
    }
    if properties["LoggingConfig"]["SystemLogLevel"] != "WARN" {
        found.push(format!("{name}: Lambda logs every invocation"));
    }
    // Every function reads it: without it, a function would return what has expired, and store records forever.
    require(name, &properties["Environment"]["Variables"], "RETENTION_DAYS", "no RETENTION_DAYS", found);
    let events = properties["Events"].as_object();
    for (source, event) in events.into_iter().flatten() {
        let (name, event, kind) = (format!("{name} {source}"), &event["Properties"], event["Type"].as_str());
        match kind {
            Some("SQS") => {
                require(&name, &event["ScalingConfig"], "MaximumConcurrency", "no MaximumConcurrency", found);
                require(&name, event, "FunctionResponseTypes", "no FunctionResponseTypes", found);
            }
            Some("DynamoDB") => {
                let members = ["ParallelizationFactor", "DestinationConfig", "FunctionResponseTypes", "FilterCriteria"];
                for member in members {
                    require(&name, event, member, &format!("no {member}"), found);
                }
                // Retries must end by age: a number of attempts could be used up before an outage ends.
                if event["MaximumRetryAttempts"].as_i64().is_some_and(|attempts| attempts != -1) {
                    found.push(format!("{name}: retries end before the record's maximum age"));
                }
                if !event["MaximumRecordAgeInSeconds"].as_i64().is_some_and(|age| RECORD_AGE_SECONDS.contains(&age)) {
                    found.push(format!("{name}: records are retried until the stream deletes them"));
                }
            }
            Some("Schedule") => {}
            other => found.push(format!("{name}: no rule limits a source of type {other:?}")),
        }
    }
}

fn check_stage(name: &str, properties: &Value, found: &mut Vec<String>) {
    for member in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
        require(name, &properties["DefaultRouteSettings"], member, &format!("no {member}"), found);
    }
    for (route, settings) in properties["RouteSettings"].as_object().into_iter().flatten() {
        for member in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
            require(name, settings, member, &format!("{route}: no {member}"), found);
        }
    }
    if properties["RouteSettings"]["POST /v1/events"].is_null() {
        found.push(format!("{name}: other requests can use up the producers' limit"));
    }
    require(name, properties, "AccessLogSettings", "no access log", found);
}
