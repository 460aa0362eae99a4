//! Tables of bills.

use super::bill::{Bill, event_bridge_bill};
use super::prices;
use super::report::{CostReport, PAYLOAD_SIZES};
use super::scenario::Scenario;
use super::table::{Table, count, dollars, size};

/// Numbers of targets that the tables compare.
const TARGET_COUNTS: [f64; 4] = [0.0, 1.0, 5.0, 20.0];

/// Retentions that the tables compare, in days.
const RETENTION_DAYS: [f64; 3] = [30.0, 365.0, 2555.0];

/// Returns the tables of a million events, with one event per batch and with full batches.
pub(super) fn events(report: &CostReport) -> [Table; 2] {
    let headings = ["payload", "0 targets", "1 target", "5 targets", "20 targets"];
    let single = "Dollars per million events, ingested, packed and delivered, without storage";
    let full = "The same with full batches of deliver, as under steady load";
    [("events", single, 1.0), ("batched", full, 10.0)].map(|(name, title, batch_size)| {
        let mut table = Table::new(name, title, &headings);
        for payload_bytes in PAYLOAD_SIZES {
            let cost = |targets| {
                let scenario =
                    Scenario { payload_bytes, targets, batch_size, retention_days: 0.0, ..Scenario::default() };
                dollars(report.bill_of_events(&scenario).total())
            };
            table.add_row(size(payload_bytes), TARGET_COUNTS.map(cost));
        }
        table
    })
}

/// Returns the table of the storage of a million events.
pub(super) fn storage(report: &CostReport) -> Table {
    let title = "Dollars for storing a million events and their deliveries to one target (to five targets)";
    let mut table = Table::new("storage", title, &["payload", "30 days", "1 year", "7 years"]);
    for payload_bytes in PAYLOAD_SIZES {
        let cost = |retention_days| {
            let [one, five] = [1.0, 5.0].map(|targets| {
                let scenario = Scenario { payload_bytes, targets, retention_days, ..Scenario::default() };
                dollars(report.bill(&scenario).line("storage"))
            });
            format!("{one} ({five})")
        };
        table.add_row(size(payload_bytes), RETENTION_DAYS.map(cost));
    }
    table
}

/// Returns the table of monthly bills of installations of different sizes.
pub(super) fn installations(report: &CostReport) -> Table {
    let title = "Dollars a month, with payloads of 2 KB and a retention of one year";
    let scenarios = named_scenarios();
    let headings: Vec<&str> = std::iter::once("").chain(scenarios.iter().map(|scenario| scenario.0)).collect();
    let mut table = Table::new("installations", title, &headings);
    let bills: Vec<Bill> = scenarios.iter().map(|scenario| report.bill(&scenario.1)).collect();
    table.add_row("targets", scenarios.iter().map(|scenario| scenario.1.targets.to_string()));
    table.add_row("messages per batch", scenarios.iter().map(|scenario| scenario.1.batch_size.to_string()));
    table.add_row("searches a month", scenarios.iter().map(|scenario| count(scenario.1.searches)));
    for (name, _) in &bills[0].lines {
        if bills.iter().any(|bill| bill.line(name) > 0.0) {
            table.add_row(*name, bills.iter().map(|bill| dollars(bill.line(name))));
        }
    }
    table.add_row("**total**", bills.iter().map(|bill| format!("**{}**", dollars(bill.total()))));
    table
}

/// Returns the table of each line's share of a bill.
pub(super) fn shares(report: &CostReport) -> Table {
    let title = "Shares of the cost of a million events of 4 KB with a retention of one year";
    let mut table = Table::new("shares", title, &["", "0 targets", "1 target", "5 targets", "20 targets"]);
    let scenario = |targets| Scenario { payload_bytes: 4000.0, targets, ..Scenario::default() };
    let bills = TARGET_COUNTS.map(|targets| report.bill_of_events(&scenario(targets)));
    for (name, _) in &bills[0].lines {
        if bills.iter().any(|bill| bill.line(name) > 0.0) {
            let share = |bill: &Bill| format!("{:.0} %", 100.0 * bill.line(name) / bill.total());
            table.add_row(*name, bills.iter().map(share));
        }
    }
    table.add_row("dollars", bills.iter().map(|bill| dollars(bill.total())));
    table
}

/// Returns the comparison with `EventBridge`.
pub(super) fn event_bridge(report: &CostReport) -> Table {
    let title = "Dollars a month of Tidings, including its idle cost, and of EventBridge with an HTTP API, an archive and \
                 API destinations, with a retention of one year";
    let mut table = Table::new("eventbridge", title, &["events", "payload", "targets", "Tidings", "EventBridge"]);
    let scenarios =
        [(1e5, 2000.0, 1.0), (1e6, 2000.0, 1.0), (1e6, 2000.0, 5.0), (1e6, 16_000.0, 5.0), (1e7, 2000.0, 5.0)];
    for (events, payload_bytes, targets) in scenarios {
        let scenario = Scenario { events, payload_bytes, targets, ..Scenario::default() };
        let (tidings, event_bridge) = (report.bill(&scenario).total(), event_bridge_bill(&scenario).total());
        table.add_row(
            count(events),
            [size(payload_bytes), targets.to_string(), dollars(tidings), dollars(event_bridge)],
        );
    }
    table
}

/// Returns the bill of a scenario of the caller.
pub(super) fn scenario(report: &CostReport, scenario: &Scenario) -> Table {
    let title = format!(
        "Dollars a month: {} events of {} bytes, {} targets, retention of {} days, {} searches",
        count(scenario.events),
        scenario.payload_bytes,
        scenario.targets,
        scenario.retention_days,
        count(scenario.searches)
    );
    let mut table = Table::new("own", &title, &["", "a month", "per million events"]);
    let (bill, millions) = (report.bill(scenario), scenario.events / 1e6);
    let per_million = |amount: f64| if millions > 0.0 { dollars(amount / millions) } else { String::new() };
    for (name, amount) in &bill.lines {
        table.add_row(*name, [dollars(*amount), per_million(*amount)]);
    }
    table.add_row("total", [dollars(bill.total()), per_million(bill.total())]);
    table
}

/// Returns the bill of a scenario of the caller as JSON.
pub(super) fn scenario_json(report: &CostReport, scenario: &Scenario) -> serde_json::Value {
    let bill = report.bill(scenario);
    let lines: serde_json::Map<String, serde_json::Value> =
        bill.lines.iter().map(|(name, amount)| ((*name).to_owned(), (*amount).into())).collect();
    serde_json::json!({
        "prices": { "region": prices::REGION, "date": prices::DATE },
        "dollars_a_month": lines, "together": bill.total(),
    })
}

/// Returns the list of prices.
pub(super) fn price_list() -> Table {
    let title = format!("List prices in {} on {}", prices::REGION, prices::DATE);
    let mut table = Table::new("prices", &title, &["item", "$", "per", "page"]);
    for price in prices::ALL {
        table.add_row(price.item, [price.dollars.to_string(), price.per.to_owned(), price.page.to_owned()]);
    }
    table
}

/// Installations from idle to 100 million events a month.
fn named_scenarios() -> [(&'static str, Scenario); 5] {
    let scenario = |events, targets, batch_size, searches| Scenario {
        events,
        targets,
        searches,
        batch_size,
        ..Scenario::default()
    };
    [
        ("idle", scenario(0.0, 0.0, 1.0, 0.0)),
        ("100,000 events", scenario(1e5, 1.0, 1.0, 1000.0)),
        ("1 million", scenario(1e6, 3.0, 1.0, 10_000.0)),
        ("10 million", scenario(1e7, 5.0, 2.0, 30_000.0)),
        ("100 million", scenario(1e8, 5.0, 5.0, 100_000.0)),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::assumptions::SEARCH_MIX;
    use super::super::packed_log::CacheState;
    use super::super::search_units::search_units;
    use super::*;

    #[test]
    fn more_load_costs_more() {
        let report = CostReport::read().unwrap();
        let base = Scenario { searches: 1000.0, ..Scenario::default() };
        let larger = [
            Scenario { events: 2e6, ..base },
            Scenario { payload_bytes: 4000.0, ..base },
            Scenario { payload_bytes: 200_000.0, ..base },
            Scenario { targets: 2.0, ..base },
            Scenario { targets: 40.0, ..base },
            Scenario { retention_days: 700.0, ..base },
            Scenario { searches: 2000.0, ..base },
            Scenario { receiver_ms: 1000.0, ..base },
            Scenario { trace_percent: 1.0, ..base },
        ];
        let total = report.bill(&base).total();
        for scenario in larger {
            assert!(report.bill(&scenario).total() > total, "{scenario:?}");
        }
        for scenario in [Scenario { events_per_request: 10.0, ..base }, Scenario { batch_size: 10.0, ..base }] {
            assert!(report.bill(&scenario).total() < total, "{scenario:?}");
        }
    }

    #[test]
    fn every_line_of_every_scenario_is_a_number() {
        let report = CostReport::read().unwrap();
        for (name, scenario) in named_scenarios() {
            for (line, dollars) in report.bill(&scenario).lines {
                assert!(dollars.is_finite() && dollars >= 0.0, "{name}: {line}: {dollars}");
            }
        }
        for (kind, percent) in SEARCH_MIX {
            let units = search_units(&Scenario::default(), &report.units, kind, CacheState::Cold);
            assert!(percent > 0.0 && units > 0.0, "{kind}");
        }
        assert!((SEARCH_MIX.iter().map(|kind| kind.1).sum::<f64>() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_bill_matches_a_calculation_by_hand() {
        // A million events of 1 KB without targets: one write to the table and one to each of its four indexes.
        let report = CostReport::read().unwrap();
        let bill = report.bill(&Scenario { payload_bytes: 1000.0, targets: 0.0, ..Scenario::default() });
        assert!((bill.line("storing events") - 5.0 * 0.625).abs() < 1e-9, "{bill:?}");
        assert!((bill.line("API Gateway") - 1.0).abs() < 1e-9, "{bill:?}");
        assert!((bill.line("recording deliveries")).abs() < 1e-9, "{bill:?}");
    }
}
