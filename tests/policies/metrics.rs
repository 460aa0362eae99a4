//! Compares the metrics in docs/metrics.md with the code that emits them and with the template's alarms and dashboard, and
//! the alarms with docs/runbook.md.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::calls::CODE_CALLS;
use crate::{read, template, workspace_sources};

type Metric = (String, String);

/// Returns the metrics in the documented table.
fn documented_metrics() -> BTreeSet<Metric> {
    let page = read("docs/metrics.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let (function, name) = (cells.next()?, cells.next()?);
        Some((function.to_owned(), name.strip_prefix('`')?.strip_suffix('`')?.to_owned()))
    });
    rows.collect()
}

/// Returns the metrics that the code emits: the function and the numeric fields of each metrics event.
fn emitted_metrics() -> BTreeSet<Metric> {
    const TEXT_FIELDS: [&str; 14] = [
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
        // Fields are `name = value,` or `name,`; ignore parts of values.
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let fields = call.lines().flat_map(|line| line.trim().trim_end_matches(',').split(", "));
        let fields = fields.map(|field| field.split_once(" = ").unwrap_or((field, "")));
        let fields: Vec<(&str, &str)> = fields.map(|(name, value)| (name.trim(), value)).collect();
        let fields: Vec<(&str, &str)> = fields.into_iter().filter(|(name, _)| is_name(name)).collect();
        let function = fields.iter().find(|(name, _)| *name == "function").expect("a function").1.trim_matches('"');
        let numbers = fields.iter().filter(|(name, _)| !TEXT_FIELDS.contains(name));
        found.extend(numbers.map(|(name, _)| (function.to_owned(), (*name).to_owned())));
    }
    found
}

#[test]
fn documented_metrics_match_the_emitted_ones() {
    assert_eq!(documented_metrics(), emitted_metrics());
}

/// Returns the alarms on Tidings' own metrics.
fn alarm_metrics(template: &Value) -> Vec<(String, Metric)> {
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

/// Returns Tidings' own metrics on the dashboard.
fn dashboard_metrics(template: &Value) -> BTreeSet<Metric> {
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
    let (template, known) = (template(), documented_metrics());
    let alarms = alarm_metrics(&template);
    assert!(alarms.len() >= 5, "{alarms:?}");
    for (alarm, metric) in alarms {
        assert!(known.contains(&metric), "{alarm} uses {metric:?}, which no code emits");
    }
    let drawn = dashboard_metrics(&template);
    let unknown: Vec<_> = drawn.difference(&known).collect();
    assert!(unknown.is_empty() && drawn.len() > 15, "the dashboard uses metrics that no code emits: {unknown:?}");
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

/// The tables without an alarm on throttled writes, and the reason.
const TABLES_WITHOUT_ALARM: [(&str, &str); 2] = [
    ("ConfigTable", "API callers see failed writes; failed writes of deliver count as unhandled messages"),
    ("SegmentsTable", "only pack writes to it, and PackErrors covers pack"),
];

/// Returns the operations on each table whose throttling raises an alarm.
fn alarmed_operations(template: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let resources = template["Resources"].as_object().expect("resources");
    let alarms = resources.values().filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm");
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for alarm in alarms.map(|alarm| &alarm["Properties"]) {
        let math_metrics =
            alarm["Metrics"].as_array().into_iter().flatten().map(|metric| &metric["MetricStat"]["Metric"]);
        for metric in math_metrics.chain([alarm]).filter(|metric| metric["Namespace"] == "AWS/DynamoDB") {
            // Other metrics, such as WriteThrottleEvents, do not include indexes.
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
    // Callers see failed deletions, so these need no alarm.
    let written = ["PutItem", "UpdateItem"];
    let mut expected = BTreeMap::<String, BTreeSet<String>>::new();
    for (_, table, actions, _) in CODE_CALLS {
        let operations = actions.iter().filter_map(|action| action.strip_prefix("dynamodb:"));
        let operations: Vec<String> = operations.filter(|name| written.contains(name)).map(str::to_owned).collect();
        let table = table.split('/').next().unwrap_or_default();
        if !operations.is_empty() && !TABLES_WITHOUT_ALARM.iter().any(|(name, _)| *name == table) {
            expected.entry(table.to_owned()).or_default().extend(operations);
        }
    }
    // Every transaction writes an event.
    expected.entry("EventsTable".to_owned()).or_default().insert("TransactWriteItems".to_owned());
    assert_eq!(alarmed_operations(&template), expected);
    let resources = template["Resources"].as_object().expect("resources");
    let tables = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::DynamoDB::Table");
    for (table, _) in tables {
        let known = expected.contains_key(table) || TABLES_WITHOUT_ALARM.iter().any(|(name, _)| name == table);
        assert!(known, "no alarm and no documented reason for throttled writes of {table}");
    }
}

/// Functions without a waiting caller need their own error alarm. `ApiErrors` covers the API's functions.
#[test]
fn asynchronous_functions_have_error_alarms() {
    let template = template();
    let resources = template["Resources"].as_object().expect("resources");
    let on_errors: BTreeSet<&str> = resources
        .values()
        .filter(|resource| resource["Properties"]["MetricName"] == "Errors")
        .filter_map(|alarm| alarm["Properties"]["Dimensions"][0]["Value"]["Ref"].as_str())
        .collect();
    let is_api_function = |name: &str| {
        resources.values().any(|resource| resource["Properties"]["IntegrationUri"]["GetAtt"] == format!("{name}.Arn"))
    };
    let functions = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function");
    let expected: BTreeSet<&str> =
        functions.map(|(name, _)| name.as_str()).filter(|name| !is_api_function(name)).collect();
    assert_eq!(on_errors, expected);
    assert!(expected.len() >= 3, "{expected:?}");
}
