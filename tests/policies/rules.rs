//! The rules that the template keeps. Each says what is wrong and where.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::calls;

/// Services whose actions concern no resource that could be named, and why.
const WITHOUT_RESOURCES: [(&str, &str); 2] = [
    ("xray:PutTraceSegments", "X-Ray has no resources for it"),
    ("xray:PutTelemetryRecords", "X-Ray has no resources for it"),
];

/// What only reads.
const READS: [&str; 3] = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"];

/// The beginning of what the API's permissions name as their source.
const OF_THE_API: &str = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${HttpApi}/";

/// How old a record of the stream may become, in seconds: the stream keeps it for a day.
const RECORD_AGE: std::ops::Range<i64> = 60..86_400;

/// Everything that is wrong with a template.
pub(crate) fn complaints(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let resources = template["Resources"].as_object().expect("resources");
    let mut owners = BTreeMap::new();
    parameters(template, &mut found);
    for (name, resource) in resources {
        let properties = &resource["Properties"];
        match resource["Type"].as_str().expect("a type") {
            "AWS::IAM::Role" => role(name, properties, &mut found),
            "AWS::DynamoDB::Table" => table(name, resource, &mut found),
            "AWS::SQS::Queue" => queue(name, properties, resources, &mut found),
            "AWS::Serverless::Function" => {
                function(name, properties, &mut found);
                owners.entry(names(&properties["Role"]).concat()).or_insert_with(Vec::new).push(name.as_str());
            }
            "AWS::Logs::LogGroup" => needs(name, properties, "RetentionInDays", "kept for ever", &mut found),
            "AWS::Lambda::Permission" => permission(name, properties, &mut found),
            "AWS::ApiGatewayV2::Stage" => stage(name, properties, &mut found),
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

fn needs(name: &str, properties: &Value, member: &str, complaint: &str, found: &mut Vec<String>) {
    if properties[member].is_null() {
        found.push(format!("{name}: {complaint}"));
    }
}

/// The texts of a value that may be one or several, of each branch of an `If`: an ARN of a resource is its name.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(names).collect(),
        Value::Object(members) => members.iter().flat_map(|(function, value)| call(function, value)).collect(),
        _ => Vec::new(),
    }
}

fn call(function: &str, value: &Value) -> Vec<String> {
    match (function, value) {
        ("GetAtt", Value::String(text)) => vec![text.trim_end_matches(".Arn").to_owned()],
        ("If", Value::Array(branches)) => branches.iter().skip(1).flat_map(names).collect(),
        (_, value) => names(value),
    }
}

/// A number that a template takes may be a fraction, which no function and no service takes; a text says what it is.
fn parameters(template: &Value, found: &mut Vec<String>) {
    for (name, parameter) in template["Parameters"].as_object().into_iter().flatten() {
        if !parameter["AllowedValues"].is_null() {
            continue;
        }
        if parameter["Type"] == "Number" {
            found.push(format!("{name}: takes fractions"));
        }
        needs(name, parameter, "AllowedPattern", "takes anything", found);
        needs(name, parameter, "ConstraintDescription", "does not say what it may be", found);
    }
}

fn permission(name: &str, properties: &Value, found: &mut Vec<String>) {
    let source = names(&properties["SourceArn"]).concat();
    if !source.starts_with(OF_THE_API) {
        found.push(format!("{name}: not of this one API, but {source:?}"));
    }
}

fn role(role: &str, properties: &Value, found: &mut Vec<String>) {
    if !properties["ManagedPolicyArns"].is_null() {
        found.push(format!("{role}: has managed policies, which allow more than it needs"));
    }
    let policies = properties["Policies"].as_array().map_or(&[][..], Vec::as_slice);
    let statements: Vec<&Value> =
        policies.iter().flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().expect("a list")).collect();
    lacks(role, &statements, found);
    for statement in statements {
        let Some(sid) = statement["Sid"].as_str() else {
            found.push(format!("{role}: a statement without a Sid"));
            continue;
        };
        for complaint in allowed(role, statement) {
            found.push(format!("{role} {sid}: {complaint}"));
        }
    }
}

/// What a statement is about, as `calls.rs` names it: an index with its table, a part of the config table by the keys
/// that it is restricted to.
fn restricted(statement: &Value) -> Vec<String> {
    let keys = names(&statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]);
    let resources = names(&statement["Resource"]).into_iter();
    // The key that the stack makes, or the one that it is given.
    let resources = resources.filter(|resource| resource != "SecretsKeyArn");
    let named = resources.flat_map(|resource| match resource.as_str() {
        "ConfigTable" if !keys.is_empty() => keys.iter().map(|key| format!("ConfigTable/{key}")).collect(),
        other => vec![other.replace("${", "").replace(".Arn}", "")],
    });
    named.collect()
}

/// What a function does and its role does not allow.
fn lacks(role: &str, statements: &[&Value], found: &mut Vec<String>) {
    for (of, resource, actions, _) in calls::rows().filter(|(of, ..)| *of == role) {
        for action in *actions {
            let allows = |statement: &&&Value| {
                names(&statement["Action"]).iter().any(|allowed| allowed == action)
                    && restricted(statement).iter().any(|on| on == resource)
            };
            if !statements.iter().any(|statement| allows(&statement)) {
                found.push(format!("{of}: does not allow {action} on {resource}, which its function does"));
            }
        }
    }
}

/// What is wrong with what one statement allows a role.
fn allowed(role: &str, statement: &Value) -> Vec<String> {
    let (actions, resources) = (names(&statement["Action"]), names(&statement["Resource"]));
    let mut found = Vec::new();
    for member in ["NotAction", "NotResource"] {
        if !statement[member].is_null() {
            found.push(format!("says {member}, which allows what nobody listed"));
        }
    }
    for action in &actions {
        if action.contains('*') {
            found.push(format!("wildcard action {action}"));
        }
        for resource in restricted(statement) {
            if !calls::is_called(role, &resource, action) {
                found.push(format!("nothing in its function does {action} to {resource}"));
            }
        }
    }
    let nameless = |action: &String| WITHOUT_RESOURCES.iter().any(|(name, _)| name == action);
    for resource in resources.iter().filter(|resource| resource.contains('*')) {
        if !(resource == "*" && actions.iter().all(nameless)) {
            found.push(format!("wildcard resource {resource}"));
        }
    }
    found.extend(business(role, statement, &actions, &resources));
    found
}

/// What a function has no business with, by the tables' and keys' meaning.
fn business(role: &str, statement: &Value, actions: &[String], resources: &[String]) -> Vec<String> {
    let on = |name: &str| resources.iter().any(|resource| resource.contains(name));
    let keys = names(&statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]);
    let within = |allowed: &[&str]| !keys.is_empty() && keys.iter().all(|key| allowed.contains(&key.as_str()));
    let writes = actions.iter().any(|action| {
        let data = ["dynamodb:", "sqs:", "kms:"].iter().any(|service| action.starts_with(service));
        data && !READS.contains(&action.as_str())
    });
    let changes = ["dynamodb:UpdateItem", "dynamodb:DeleteItem"];
    let mut found = Vec::new();
    // The day on which a key was used is the one thing that query writes: no part of the key, of a partition of its own.
    if role == "QueryRole" && writes && !(on("ConfigTable") && within(&["uses"])) {
        found.push("query may write".to_owned());
    }
    if on("EventsTable") && actions.iter().any(|action| changes.contains(&action.as_str())) {
        found.push("changes events, which are never changed".to_owned());
    }
    if on("ConfigTable") && role != "ManageRole" && keys.is_empty() {
        found.push("reads all of ConfigTable".to_owned());
    }
    let quarantine = matches!(role, "IngestRole" | "ManageRole");
    if on("QuarantineTable") && !quarantine {
        found.push("has no business with the quarantine".to_owned());
    }
    let secrets = matches!(role, "DeliverRole" | "ManageRole");
    if actions.iter().any(|action| action.starts_with("kms:")) && !secrets {
        found.push("has no business with secrets".to_owned());
    }
    found
}

fn table(name: &str, resource: &Value, found: &mut Vec<String>) {
    let properties = &resource["Properties"];
    let switches = [
        ("/SSESpecification/SSEEnabled", "not encrypted under a key of KMS"),
        ("/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", "no point-in-time recovery"),
        ("/TimeToLiveSpecification/Enabled", "no time to live"),
    ];
    for (switch, complaint) in switches {
        if properties.pointer(switch) != Some(&Value::Bool(true)) {
            found.push(format!("{name}: {complaint}"));
        }
    }
    let protected = |value: &Value| value["If"][0] == "DataIsProtected" && !value["If"][1].is_null();
    if !protected(&properties["DeletionProtectionEnabled"]) {
        found.push(format!("{name}: deletion protection does not go by ProtectData"));
    }
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        if !protected(&resource[policy]) {
            found.push(format!("{name}: {policy} does not go by ProtectData"));
        }
    }
}

fn queue(name: &str, properties: &Value, resources: &Map<String, Value>, found: &mut Vec<String>) {
    if properties["SqsManagedSseEnabled"] != Value::Bool(true) && properties["KmsMasterKeyId"].is_null() {
        found.push(format!("{name}: not encrypted"));
    }
    let takes_dead_letters =
        |other: &Value| names(&other["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]).contains(&name.to_owned());
    let of_a_stream = |other: &Value| {
        other["Properties"]["Events"].to_string().contains(&format!("\"Destination\":{{\"GetAtt\":\"{name}.Arn\"}}"))
    };
    let last = resources.values().any(|other| takes_dead_letters(other) || of_a_stream(other));
    if properties["RedrivePolicy"].is_null() && !last {
        found.push(format!("{name}: no dead letters"));
    }
}

/// A function says what it may take, and each of its sources how many may be at work. Those of the API are bounded
/// by its stage, and a schedule starts one.
fn function(name: &str, properties: &Value, found: &mut Vec<String>) {
    for member in ["Timeout", "MemorySize", "Role"] {
        needs(name, properties, member, &format!("no {member}"), found);
    }
    let events = properties["Events"].as_object();
    for (source, event) in events.into_iter().flatten() {
        let (name, event, kind) = (format!("{name} {source}"), &event["Properties"], event["Type"].as_str());
        match kind {
            Some("SQS") => {
                needs(&name, &event["ScalingConfig"], "MaximumConcurrency", "no MaximumConcurrency", found);
                needs(&name, event, "FunctionResponseTypes", "no FunctionResponseTypes", found);
            }
            Some("DynamoDB") => {
                let members = ["ParallelizationFactor", "DestinationConfig", "FunctionResponseTypes", "FilterCriteria"];
                for member in members {
                    needs(&name, event, member, &format!("no {member}"), found);
                }
                // The age is what ends attempts: counted, they end before an outage does.
                if event["MaximumRetryAttempts"].as_i64().is_some_and(|attempts| attempts != -1) {
                    found.push(format!("{name}: attempts end before the record's age does"));
                }
                if !event["MaximumRecordAgeInSeconds"].as_i64().is_some_and(|age| RECORD_AGE.contains(&age)) {
                    found.push(format!("{name}: records are tried until the stream forgets them"));
                }
            }
            Some("Schedule") => {}
            other => found.push(format!("{name}: nobody said what bounds a source of type {other:?}")),
        }
    }
}

fn stage(name: &str, properties: &Value, found: &mut Vec<String>) {
    for member in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
        needs(name, &properties["DefaultRouteSettings"], member, &format!("no {member}"), found);
    }
    needs(name, properties, "AccessLogSettings", "no access log", found);
}
