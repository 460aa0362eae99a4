//! The metrics that docs/metrics.md tells of, held against the code that emits them, and the template's alarms and
//! dashboard, which docs/runbook.md explains.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::calls::CALLED;
use crate::{read, template, workspace_sources};

type Metric = (String, String);

/// The rows of the table.
fn documented() -> BTreeSet<Metric> {
    let page = read("docs/metrics.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let (function, name) = (cells.next()?, cells.next()?);
        Some((function.to_owned(), name.strip_prefix('`')?.strip_suffix('`')?.to_owned()))
    });
    rows.collect()
}

/// What the code says to the metrics' target: each call's function, and the fields that are numbers.
fn emitted() -> BTreeSet<Metric> {
    const TEXTS: [&str; 14] = [
        "function",
        "source",
        "ids",
        "kind",
        "read",
        "replay",
        "target",
        "target_name",
        "event",
        "run",
        "attempt",
        "code",
        "class",
        "error",
    ];
    let code = workspace_sources();
    let mut found = BTreeSet::new();
    for call in code.split("target: runtime::METRICS_TARGET,").skip(1) {
        let call = call.split(");").next().unwrap_or_default();
        // `name = value,` or `name,`; parts of values are no names.
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let fields = call.lines().flat_map(|line| line.trim().trim_end_matches(',').split(", "));
        let fields = fields.map(|field| field.split_once(" = ").unwrap_or((field, "")));
        let fields: Vec<(&str, &str)> = fields.map(|(name, value)| (name.trim(), value)).collect();
        let fields: Vec<(&str, &str)> = fields.into_iter().filter(|(name, _)| is_name(name)).collect();
        let function = fields.iter().find(|(name, _)| *name == "function").expect("a function").1.trim_matches('"');
        let numbers = fields.iter().filter(|(name, _)| !TEXTS.contains(name));
        found.extend(numbers.map(|(name, _)| (function.to_owned(), (*name).to_owned())));
    }
    found
}

#[test]
fn documented_metrics_match_the_emitted_ones() {
    assert_eq!(documented(), emitted());
}

/// The metrics of our own that the alarms look at.
fn alarmed(template: &Value) -> Vec<(String, Metric)> {
    let resources = template["Resources"].as_object().expect("resources");
    let alarms = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    let own = alarms.filter(|(_, alarm)| alarm["Properties"]["Namespace"] == "Tidings");
    own.map(|(name, alarm)| {
        let properties = &alarm["Properties"];
        assert_eq!(properties["Dimensions"][0]["Name"], "stack", "{name}");
        let function = properties["Dimensions"][1]["Value"].as_str().expect("a function").to_owned();
        (name.clone(), (function, properties["MetricName"].as_str().expect("a metric").to_owned()))
    })
    .collect()
}

/// Those that the dashboard draws.
fn drawn(template: &Value) -> BTreeSet<Metric> {
    let body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Sub"].as_str().expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let metrics = body["widgets"].as_array().expect("widgets").iter().flat_map(|widget| {
        let metrics = widget["properties"]["metrics"].as_array().expect("metrics");
        metrics.iter().filter(|metric| metric[0] == "Tidings").map(|metric| {
            let text = |at: usize| metric[at].as_str().expect("a text").to_owned();
            (text(5), text(1))
        })
    });
    metrics.collect()
}

#[test]
fn alarms_and_dashboard_use_existing_metrics() {
    let (template, known) = (template(), documented());
    let alarms = alarmed(&template);
    assert!(alarms.len() >= 5, "{alarms:?}");
    for (alarm, metric) in alarms {
        assert!(known.contains(&metric), "{alarm} looks at {metric:?}, which nothing emits");
    }
    let drawn = drawn(&template);
    let unknown: Vec<_> = drawn.difference(&known).collect();
    assert!(unknown.is_empty() && drawn.len() > 15, "the dashboard draws what nothing emits: {unknown:?}");
}

#[test]
fn the_runbook_has_a_section_for_every_alarm() {
    let (template, page) = (template(), read("docs/runbook.md"));
    let headings: String = page.lines().filter(|line| line.starts_with("## ")).collect::<Vec<_>>().join(" ");
    let named: BTreeSet<&str> = headings.split([' ', ',', '#']).filter(|word| !word.is_empty()).collect();
    let resources = template["Resources"].as_object().expect("resources");
    let alarms = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    let alarms: BTreeSet<&str> = alarms.map(|(name, _)| name.strip_suffix("Alarm").unwrap_or(name)).collect();
    assert_eq!(alarms, named);
}

/// The tables without an alarm on throttled writes, and what tells of them instead.
const UNWATCHED: [(&str, &str); 2] = [
    ("ConfigTable", "it is written when somebody changes something, who is told; what a delivery notes is unhandled"),
    ("SegmentsTable", "pack alone writes it, and has PackErrors"),
];

/// The operations on each table whose throttling raises an alarm.
fn watched(template: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let resources = template["Resources"].as_object().expect("resources");
    let alarms = resources.values().filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm");
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for alarm in alarms.map(|alarm| &alarm["Properties"]) {
        let of_math = alarm["Metrics"].as_array().into_iter().flatten().map(|metric| &metric["MetricStat"]["Metric"]);
        for metric in of_math.chain([alarm]).filter(|metric| metric["Namespace"] == "AWS/DynamoDB") {
            // Others, as WriteThrottleEvents, leave the indexes out.
            assert_eq!(metric["MetricName"], "ThrottledRequests", "{alarm}");
            let dimension = |at: usize, name: &str| {
                assert_eq!(metric["Dimensions"][at]["Name"], name, "{alarm}");
                &metric["Dimensions"][at]["Value"]
            };
            let table = dimension(0, "TableName")["Ref"].as_str().expect("a table").to_owned();
            let operation = dimension(1, "Operation").as_str().expect("an operation").to_owned();
            found.entry(table).or_default().insert(operation);
        }
    }
    found
}

#[test]
fn throttled_writes_of_every_table_raise_an_alarm() {
    let template = template();
    // Removals are asked for by people, who are told when one fails.
    let written = ["PutItem", "UpdateItem"];
    let mut expected = BTreeMap::<String, BTreeSet<String>>::new();
    for (_, table, actions, _) in CALLED {
        let operations = actions.iter().filter_map(|action| action.strip_prefix("dynamodb:"));
        let operations: Vec<String> = operations.filter(|name| written.contains(name)).map(str::to_owned).collect();
        let table = table.split('/').next().unwrap_or_default();
        if !operations.is_empty() && !UNWATCHED.iter().any(|(name, _)| *name == table) {
            expected.entry(table.to_owned()).or_default().extend(operations);
        }
    }
    // Each transaction has an event in it.
    expected.entry("EventsTable".to_owned()).or_default().insert("TransactWriteItems".to_owned());
    assert_eq!(watched(&template), expected);
    let resources = template["Resources"].as_object().expect("resources");
    let tables = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::DynamoDB::Table");
    for (table, _) in tables {
        let known = expected.contains_key(table) || UNWATCHED.iter().any(|(name, _)| name == table);
        assert!(known, "nobody said what tells of {table}'s throttled writes");
    }
}

/// What fails without an answer that somebody waits for has an alarm of its own; what the API waits for is `ApiErrors`.
#[test]
fn asynchronous_functions_have_error_alarms() {
    let template = template();
    let resources = template["Resources"].as_object().expect("resources");
    let on_errors: BTreeSet<&str> = resources
        .values()
        .filter(|resource| resource["Properties"]["MetricName"] == "Errors")
        .filter_map(|alarm| alarm["Properties"]["Dimensions"][0]["Value"]["Ref"].as_str())
        .collect();
    let of_the_api = |name: &str| {
        resources.values().any(|resource| resource["Properties"]["IntegrationUri"]["GetAtt"] == format!("{name}.Arn"))
    };
    let functions = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    let expected: BTreeSet<&str> = functions.map(|(name, _)| name.as_str()).filter(|name| !of_the_api(name)).collect();
    assert_eq!(on_errors, expected);
    assert!(expected.len() >= 3, "{expected:?}");
}
