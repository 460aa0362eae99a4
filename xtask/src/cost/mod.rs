//! `cargo xtask cost`: the cost of Tidings on AWS, from measured units, and the tables of `docs/cost.md`.

mod assumptions;
mod bill;
mod bill_tables;
mod deployment;
mod measured_units;
mod packed_log;
mod prices;
mod report;
mod scenario;
mod search_tables;
mod search_units;
mod table;

use std::path::Path;

use clap::Args;

use crate::process::{Result, root};
use report::CostReport;
use scenario::Scenario;
use table::Table;

/// Options of the command. Without options it prints the tables of `docs/cost.md`.
#[derive(Debug, Args)]
pub(crate) struct CostArguments {
    /// Events in a month of 30.4 days [default: 1000000]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number_from_0)]
    events: Option<f64>,
    /// Bytes of an event's payload [default: 2000]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number_from_1)]
    bytes: Option<f64>,
    /// Targets whose filter matches each event [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number_from_0)]
    targets: Option<f64>,
    /// Retention of events in days [default: 365]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number_from_0)]
    retention_days: Option<f64>,
    /// Searches in a month [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number_from_0)]
    searches: Option<f64>,
    /// Events per ingest request [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number_from_1)]
    per_request: Option<f64>,
    /// Messages per batch; 10 under steady load [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number_from_1)]
    batch: Option<f64>,
    /// Response time of a receiver in milliseconds [default: 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = number_from_0)]
    receiver_ms: Option<f64>,
    /// Percentage of events that are traced, like the parameter `TracePercent` [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = percentage)]
    trace_percent: Option<f64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Check that the tables of a page are up to date
    #[arg(long, value_name = "PAGE", exclusive = true)]
    check: Option<String>,
    /// Update the tables of a page
    #[arg(long, value_name = "PAGE", exclusive = true)]
    write: Option<String>,
}

impl CostArguments {
    /// Returns the scenario that the options describe, if there are any.
    fn scenario(&self) -> Option<Scenario> {
        let default = Scenario::default();
        let options = [
            self.events,
            self.bytes,
            self.targets,
            self.retention_days,
            self.searches,
            self.per_request,
            self.batch,
            self.receiver_ms,
            self.trace_percent,
        ];
        let is_given = self.json || options.iter().any(Option::is_some);
        is_given.then(|| Scenario {
            events: self.events.unwrap_or(default.events),
            payload_bytes: self.bytes.unwrap_or(default.payload_bytes),
            targets: self.targets.unwrap_or(default.targets),
            retention_days: self.retention_days.unwrap_or(default.retention_days),
            searches: self.searches.unwrap_or(default.searches),
            events_per_request: self.per_request.unwrap_or(default.events_per_request),
            batch_size: self.batch.unwrap_or(default.batch_size),
            receiver_ms: self.receiver_ms.unwrap_or(default.receiver_ms),
            trace_percent: self.trace_percent.unwrap_or(default.trace_percent),
        })
    }
}

fn number_from_0(text: &str) -> Result<f64> {
    number(text, 0.0, f64::MAX)
}

fn number_from_1(text: &str) -> Result<f64> {
    number(text, 1.0, f64::MAX)
}

fn percentage(text: &str) -> Result<f64> {
    number(text, 0.0, 100.0)
}

fn number(text: &str, min: f64, max: f64) -> Result<f64> {
    let number = text.parse().ok().filter(|number: &f64| (min..=max).contains(number));
    number.ok_or_else(|| {
        if max < f64::MAX {
            format!("expected a number from {min} to {max}")
        } else {
            format!("expected a number from {min}")
        }
    })
}

/// Runs the command.
pub(crate) fn run(arguments: &CostArguments) -> Result {
    let report = CostReport::read()?;
    if let Some(page) = &arguments.check {
        let (text, updated) = update_page(&report, &root().join(page))?;
        let is_current = text == updated;
        return if is_current {
            Ok(())
        } else {
            Err(format!(
                "{page} is out of date: run `cargo xtask cost --write {page}`, and check its text against the numbers"
            ))
        };
    }
    if let Some(page) = &arguments.write {
        let path = root().join(page);
        let (_, updated) = update_page(&report, &path)?;
        return std::fs::write(&path, updated).map_err(|error| format!("{page}: {error}"));
    }
    match arguments.scenario() {
        Some(scenario) if arguments.json => println!("{:#}", bill_tables::scenario_json(&report, &scenario)),
        Some(scenario) => println!("{}", bill_tables::scenario(&report, &scenario).to_text()),
        None => tables(&report).iter().for_each(|table| println!("{}", table.to_text().replace("**", "  "))),
    }
    Ok(())
}

/// Returns the tables of `docs/cost.md`.
fn tables(report: &CostReport) -> Vec<Table> {
    let [events, batched] = bill_tables::events(report);
    vec![
        events,
        batched,
        bill_tables::storage(report),
        search_tables::searches(report),
        search_tables::headers(report),
        search_tables::full_searches(report),
        bill_tables::installations(report),
        bill_tables::shares(report),
        bill_tables::event_bridge(report),
        bill_tables::price_list(),
    ]
}

/// Returns the text of a page, and the same with updated tables. Each table is between two comments.
fn update_page(report: &CostReport, page: &Path) -> Result<(String, String)> {
    let text = std::fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
    let mut updated = text.clone();
    for table in tables(report) {
        let (start, end) = (format!("<!-- {}: cargo xtask cost -->\n", table.name), "<!-- end -->");
        let content = updated.find(&start).map(|at| at + start.len());
        let content = content.and_then(|at| Some(at..at + updated[at..].find(end)?));
        let Some(content) = content else {
            return Err(format!("{}: no place for a table between {start}and {end}", page.display()));
        };
        updated.replace_range(content, &format!("\n{}\n", table.to_markdown()));
    }
    Ok((text, updated))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cost {
        #[command(flatten)]
        arguments: CostArguments,
    }

    fn parse(text: &str) -> std::result::Result<CostArguments, String> {
        let arguments = std::iter::once("cost").chain(text.split_whitespace());
        Cost::try_parse_from(arguments).map(|cost| cost.arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn the_page_has_current_tables() {
        run(&parse("--check docs/cost.md").unwrap()).unwrap();
    }

    #[test]
    fn options_describe_a_scenario() {
        let scenario = parse("--events 5 --bytes 100 --json --batch 2").unwrap().scenario().unwrap();
        assert!(scenario.events.to_bits() == 5f64.to_bits() && scenario.batch_size.to_bits() == 2f64.to_bits());
        assert!(parse("").unwrap().scenario().is_none());
    }

    #[test]
    fn invalid_options_are_rejected() {
        for invalid in [
            "--events",
            "--events many",
            "--events -1",
            "--bytes 0",
            "--event 5",
            "5",
            "--targets inf",
            "--trace-percent 101",
            "--check docs/cost.md --events 5",
        ] {
            let error = parse(invalid).unwrap_err();
            assert!(error.contains(invalid.split_whitespace().next().unwrap()), "{error}");
        }
    }

    #[test]
    fn the_help_names_the_defaults() {
        let help = <Cost as clap::CommandFactory>::command().render_long_help().to_string();
        let default = Scenario::default();
        for (option, default) in [
            ("events", default.events),
            ("bytes", default.payload_bytes),
            ("targets", default.targets),
            ("retention-days", default.retention_days),
            ("searches", default.searches),
            ("per-request", default.events_per_request),
            ("batch", default.batch_size),
            ("receiver-ms", default.receiver_ms),
            ("trace-percent", default.trace_percent),
        ] {
            let (_, rest) = help.split_once(&format!("--{option} <N>")).expect(option);
            let text = rest.split("\n      --").next().unwrap_or_default();
            assert!(text.contains(&format!("[default: {default}]")), "{option}: {text}");
        }
    }
}
