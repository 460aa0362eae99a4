//! The rules that the template keeps. Each says what is wrong and where.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Services whose actions concern no resource that could be named, and why.
const WITHOUT_RESOURCES: [(&str, &str); 2] = [
    ("xray:PutTraceSegments", "X-Ray has no resources for it"),
    ("xray:PutTelemetryRecords", "X-Ray has no resources for it"),
];

/// What only reads.
const READS: [&str; 3] = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"];

/// The DynamoDB, SQS and KMS actions that code of ours calls. Those that Lambda takes for its event sources, its
/// logs and traces are `LAMBDA`'s.
pub(crate) const CALLED: [&str; 10] = [
    "dynamodb:BatchGetItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "sqs:ChangeMessageVisibility",
    "sqs:SendMessage",
];
const LAMBDA: [&str; 11] = [
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

/// Everything that is wrong with a template.
pub(crate) fn complaints(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let resources = template["Resources"].as_object().expect("resources");
    let mut owners = BTreeMap::new();
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
            "AWS::Lambda::Permission" => needs(name, properties, "SourceArn", "anybody's of that service", &mut found),
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

fn role(role: &str, properties: &Value, found: &mut Vec<String>) {
    if !properties["ManagedPolicyArns"].is_null() {
        found.push(format!("{role}: has managed policies, which allow more than it needs"));
    }
    let policies = properties["Policies"].as_array().map_or(&[][..], Vec::as_slice);
    for statement in
        policies.iter().flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().expect("a list"))
    {
        let Some(sid) = statement["Sid"].as_str() else {
            found.push(format!("{role}: a statement without a Sid"));
            continue;
        };
        for complaint in allowed(role, statement) {
            found.push(format!("{role} {sid}: {complaint}"));
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
        } else if !CALLED.contains(&action.as_str()) && !LAMBDA.contains(&action.as_str()) {
            found.push(format!("no code calls {action}"));
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
    let own: &[&str] = match role {
        "IngestRole" => &["keys", "sources", "uses"],
        "QueryRole" => &["keys", "targets", "states", "uses"],
        "DeliverRole" => &["targets", "states"],
        "FanoutRole" => &["targets", "states", "replays"],
        _ => &[],
    };
    if on("ConfigTable") && role != "ManageRole" && !within(own) {
        found.push(format!("reads all of ConfigTable, or more of it than {own:?}"));
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
                let bounds = ["ParallelizationFactor", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds"];
                for member in bounds.iter().chain(&["DestinationConfig", "FunctionResponseTypes", "FilterCriteria"]) {
                    needs(&name, event, member, &format!("no {member}"), found);
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
