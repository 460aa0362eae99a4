//! The tables of `docs/cost.md`.

use super::assumed::DAYS;
use super::facts::{Deployed, Units};
use super::model::{Bill, Case, bill, event_bridge};
use super::prices;
use super::table::{Table, count, dollars, size};

/// Sizes of payloads.
pub(super) const SIZES: [f64; 4] = [1000.0, 4000.0, 16_000.0, 64_000.0];

/// Numbers of targets.
const TARGETS: [f64; 4] = [0.0, 1.0, 5.0, 20.0];

/// How long events are kept, in days.
const KEPT: [(&str, f64); 3] = [("30 days", 30.0), ("1 year", 365.0), ("7 years", 2555.0)];

/// What all tables are made from.
pub(crate) struct Book {
    pub(crate) units: Units,
    pub(crate) deployed: Deployed,
}

impl Book {
    fn bill(&self, case: &Case) -> Bill {
        bill(case, &self.units, &self.deployed)
    }

    fn idle(&self) -> Bill {
        self.bill(&Case { events: 0.0, targets: 0.0, ..Case::default() })
    }

    /// What a million events cost beside what the installation costs anyway.
    fn million(&self, case: &Case) -> Bill {
        self.bill(case).without(&self.idle())
    }

    /// Every table of the page.
    pub(crate) fn all(&self) -> Vec<Table> {
        vec![
            self.events(),
            self.batched(),
            self.storage(),
            self.searches(),
            self.heads(),
            self.logs(),
            self.installations(),
            self.shares(),
            self.event_bridge(),
            price_list(),
        ]
    }

    fn by_size_and_targets(&self, mut table: Table, batch: f64) -> Table {
        for bytes in SIZES {
            let cost = |targets| {
                let case = Case { bytes, targets, batch, retention_days: 0.0, ..Case::default() };
                dollars(self.million(&case).total())
            };
            table.row(size(bytes), TARGETS.map(cost));
        }
        table
    }

    fn events(&self) -> Table {
        let title = "Dollars per million events, taken in, packed and delivered, without storage";
        let headings = ["payload", "0 targets", "1 target", "5 targets", "20 targets"];
        self.by_size_and_targets(Table::new("events", title, &headings), 1.0)
    }

    fn batched(&self) -> Table {
        let title = "The same where batches of deliver are full, as they are under steady load";
        let headings = ["payload", "0 targets", "1 target", "5 targets", "20 targets"];
        self.by_size_and_targets(Table::new("batched", title, &headings), 10.0)
    }

    fn storage(&self) -> Table {
        let title = "Dollars for keeping a million events and their deliveries to one target (to five)";
        let mut table = Table::new("storage", title, &["payload", "30 days", "1 year", "7 years"]);
        for bytes in SIZES {
            let cost = |(_, retention_days): (&str, f64)| {
                let of = |targets| {
                    let case = Case { bytes, targets, retention_days, ..Case::default() };
                    dollars(self.bill(&case).line("storage"))
                };
                format!("{} ({})", of(1.0), of(5.0))
            };
            table.row(size(bytes), KEPT.map(cost));
        }
        table
    }

    fn installations(&self) -> Table {
        let title = "Dollars a month, with payloads of 2 KB that are kept for a year";
        let cases = installations();
        let headings: Vec<&str> = std::iter::once("").chain(cases.iter().map(|case| case.0)).collect();
        let mut table = Table::new("installations", title, &headings);
        let bills: Vec<Bill> = cases.iter().map(|case| self.bill(&case.1)).collect();
        table.row("targets", cases.iter().map(|case| case.1.targets.to_string()));
        table.row("messages of a batch", cases.iter().map(|case| case.1.batch.to_string()));
        table.row("searches a month", cases.iter().map(|case| count(case.1.searches)));
        for (name, _) in &bills[0].lines {
            if bills.iter().any(|bill| bill.line(name) > 0.0) {
                table.row(*name, bills.iter().map(|bill| dollars(bill.line(name))));
            }
        }
        table.row("**together**", bills.iter().map(|bill| format!("**{}**", dollars(bill.total()))));
        table
    }

    fn shares(&self) -> Table {
        let title = "Where the money goes of a million events of 4 KB that are kept for a year";
        let mut table = Table::new("shares", title, &["", "0 targets", "1 target", "5 targets", "20 targets"]);
        let case = |targets| Case { bytes: 4000.0, targets, ..Case::default() };
        let bills = TARGETS.map(|targets| self.million(&case(targets)));
        for (name, _) in &bills[0].lines {
            if bills.iter().any(|bill| bill.line(name) > 0.0) {
                let share = |bill: &Bill| format!("{:.0} %", 100.0 * bill.line(name) / bill.total());
                table.row(*name, bills.iter().map(share));
            }
        }
        table.row("dollars", bills.iter().map(|bill| dollars(bill.total())));
        table
    }

    fn event_bridge(&self) -> Table {
        let title = "Dollars a month beside EventBridge with an HTTP API, an archive and API destinations, kept for a \
                     year, Tidings with all that it costs idle";
        let headings = ["events", "payload", "targets", "Tidings", "EventBridge"];
        let mut table = Table::new("eventbridge", title, &headings);
        let cases =
            [(1e5, 2000.0, 1.0), (1e6, 2000.0, 1.0), (1e6, 2000.0, 5.0), (1e6, 16_000.0, 5.0), (1e7, 2000.0, 5.0)];
        for (events, bytes, targets) in cases {
            let case = Case { events, bytes, targets, ..Case::default() };
            let (ours, theirs) = (self.bill(&case).total(), event_bridge(&case).total());
            table.row(count(events), [size(bytes), targets.to_string(), dollars(ours), dollars(theirs)]);
        }
        table
    }

    /// One's own case.
    pub(crate) fn own(&self, case: &Case) -> Table {
        let title = format!(
            "Dollars a month: {} events of {} bytes, {} targets, kept for {} days, {} searches",
            count(case.events),
            case.bytes,
            case.targets,
            case.retention_days,
            count(case.searches)
        );
        let mut table = Table::new("own", &title, &["", "a month", "per million events"]);
        let (bill, millions) = (self.bill(case), case.events / 1e6);
        let each = |amount: f64| if millions > 0.0 { dollars(amount / millions) } else { String::new() };
        for (name, amount) in &bill.lines {
            table.row(*name, [dollars(*amount), each(*amount)]);
        }
        table.row("together", [dollars(bill.total()), each(bill.total())]);
        table
    }

    /// The lines of one's own case, for programs.
    pub(crate) fn own_json(&self, case: &Case) -> serde_json::Value {
        let bill = self.bill(case);
        let lines: serde_json::Map<String, serde_json::Value> =
            bill.lines.iter().map(|(name, amount)| ((*name).to_owned(), (*amount).into())).collect();
        serde_json::json!({
            "prices": { "region": prices::REGION, "date": prices::DATE },
            "dollars_a_month": lines, "together": bill.total(),
        })
    }
}

/// The installations that have names.
fn installations() -> [(&'static str, Case); 5] {
    let case = |events, targets, batch, searches| Case { events, targets, searches, batch, ..Case::default() };
    [
        ("idle", case(0.0, 0.0, 1.0, 0.0)),
        ("100,000 events", case(1e5, 1.0, 1.0, 1000.0)),
        ("1 million", case(1e6, 3.0, 1.0, 10_000.0)),
        ("10 million", case(1e7, 5.0, 2.0, 30_000.0)),
        ("100 million", case(1e8, 5.0, 5.0, 100_000.0)),
    ]
}

fn price_list() -> Table {
    let title = format!("List prices of {}, looked up on {}", prices::REGION, prices::DATE);
    let mut table = Table::new("prices", &title, &["what", "$", "per", "page"]);
    for price in prices::ALL {
        table.row(price.what, [price.dollars.to_string(), price.per.to_owned(), price.page.to_owned()]);
    }
    table
}

/// Days of a month, for the options' help.
pub(crate) fn month() -> String {
    format!("{DAYS:.1} days")
}

#[cfg(test)]
mod tests {
    use super::super::assumed::MIX;
    use super::super::search::{Process, one_search};
    use super::*;

    fn book() -> Book {
        Book { units: Units::read().unwrap(), deployed: Deployed::read() }
    }

    #[test]
    fn more_of_anything_costs_more() {
        let book = book();
        let least = Case { searches: 1000.0, ..Case::default() };
        let more = [
            Case { events: 2e6, ..least },
            Case { bytes: 4000.0, ..least },
            Case { bytes: 200_000.0, ..least },
            Case { targets: 2.0, ..least },
            Case { targets: 40.0, ..least },
            Case { retention_days: 700.0, ..least },
            Case { searches: 2000.0, ..least },
            Case { receiver_ms: 1000.0, ..least },
            Case { trace_percent: 1.0, ..least },
        ];
        let total = book.bill(&least).total();
        for case in more {
            assert!(book.bill(&case).total() > total, "{case:?}");
        }
        for case in [Case { per_request: 10.0, ..least }, Case { batch: 10.0, ..least }] {
            assert!(book.bill(&case).total() < total, "{case:?}");
        }
    }

    #[test]
    fn every_line_of_every_case_is_a_number() {
        let book = book();
        for (name, case) in installations() {
            for (line, dollars) in book.bill(&case).lines {
                assert!(dollars.is_finite() && dollars >= 0.0, "{name}: {line}: {dollars}");
            }
        }
        for (kind, share) in MIX {
            assert!(share > 0.0 && one_search(&Case::default(), &book.units, kind, Process::New) > 0.0, "{kind}");
        }
        assert!((MIX.iter().map(|kind| kind.1).sum::<f64>() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_bill_by_hand_is_the_same() {
        // A million events of 1 KB without targets: a write for each of table and four indexes.
        let (book, case) = (book(), Case { bytes: 1000.0, targets: 0.0, ..Case::default() });
        let bill = book.bill(&case);
        assert!((bill.line("storing events") - 5.0 * 0.625).abs() < 1e-9, "{bill:?}");
        assert!((bill.line("API Gateway") - 1.0).abs() < 1e-9, "{bill:?}");
        assert!((bill.line("recording deliveries")).abs() < 1e-9, "{bill:?}");
    }
}
