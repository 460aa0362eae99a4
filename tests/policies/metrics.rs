//! The metrics that docs/metrics.md tells of, held against the code that emits them, and the template's alarms and
//! dashboard, which docs/runbook.md explains.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::{read, sources, template};

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
    let code = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions"));
    let mut found = BTreeSet::new();
    for call in code.split("target: store::METRICS,").skip(1) {
        let call = call.split(");").next().unwrap_or_default();
        // `name = value,` or `name,`.
        let fields = call.lines().map(|line| line.trim().trim_end_matches(','));
        let fields = fields.map(|field| field.split_once(" = ").unwrap_or((field, "")));
        let fields: Vec<(&str, &str)> = fields.filter(|(name, _)| !name.is_empty() && !name.starts_with('"')).collect();
        let function = fields.iter().find(|(name, _)| *name == "function").expect("a function").1.trim_matches('"');
        let numbers = fields.iter().filter(|(name, _)| !TEXTS.contains(name));
        found.extend(numbers.map(|(name, _)| (function.to_owned(), (*name).to_owned())));
    }
    found
}

#[test]
fn the_table_names_what_the_code_emits() {
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
fn alarms_and_dashboard_look_at_what_there_is() {
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
