//! `cargo xtask cost`: what Tidings costs on AWS, from what the tests measured, and the tables of `docs/cost.md`.

mod assumed;
mod facts;
mod model;
mod prices;
mod search;
mod searches;
mod table;
mod tables;

use std::path::Path;

use crate::tools::{Result, root};
use facts::{Deployed, Units};
use model::Case;
use tables::Book;

/// Where the tables stand between two comments.
const PAGE: &str = "docs/cost.md";

/// The command.
pub(crate) fn run(arguments: &[String]) -> Result {
    let book = Book { units: Units::read()?, deployed: Deployed::read() };
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => {
            for table in book.all() {
                println!("{}", table.text().replace("**", "  "));
            }
            Ok(())
        }
        ["--check", page] => {
            let (text, wanted) = rendered(&book, &root().join(page))?;
            if text == wanted { Ok(()) } else { Err(format!("{page} is not up to date: {}", cure(page))) }
        }
        ["--write", page] => {
            let page = root().join(page);
            let (_, wanted) = rendered(&book, &page)?;
            std::fs::write(&page, wanted).map_err(|error| format!("{}: {error}", page.display()))
        }
        ["--help" | "-h"] => {
            println!("{}", help());
            Ok(())
        }
        _ => {
            let (case, json) = own(arguments)?;
            if json {
                println!("{:#}", book.own_json(&case));
            } else {
                println!("{}", book.own(&case).text());
            }
            Ok(())
        }
    }
}

fn help() -> String {
    format!(
        "\
    cargo xtask cost                    the tables of {PAGE}
    cargo xtask cost --events 1000000   a case of your own; the options, with what they are otherwise:
        --events N                      events of a month of {} (1000000)
        --bytes N                       bytes of an event's payload (2000)
        --targets N                     targets that want each event (1)
        --retention-days N              days that events are kept (365)
        --searches N                    searches of a month (0)
        --per-request N                 events that a request brings (1)
        --batch N                       messages that a batch has (1); under steady load 10
        --receiver-ms N                 milliseconds that a receiver takes to answer ({})
        --trace-percent N               of a hundred events, how many are traced (0), as the parameter TracePercent
        --json                          for programs
    cargo xtask cost --check {PAGE}     whether its tables are these
    cargo xtask cost --write {PAGE}     writes them anew",
        tables::month(),
        assumed::RECEIVER_MS
    )
}

/// The case that the options describe, and whether it is wanted as JSON.
fn own(arguments: &[String]) -> Result<(Case, bool)> {
    let (mut case, mut json) = (Case::default(), false);
    let mut arguments = arguments.iter();
    while let Some(option) = arguments.next() {
        let (field, least, most) = match option.as_str() {
            "--json" => {
                json = true;
                continue;
            }
            "--events" => (&mut case.events, 0.0, f64::MAX),
            "--bytes" => (&mut case.bytes, 1.0, f64::MAX),
            "--targets" => (&mut case.targets, 0.0, f64::MAX),
            "--retention-days" => (&mut case.retention_days, 0.0, f64::MAX),
            "--searches" => (&mut case.searches, 0.0, f64::MAX),
            "--per-request" => (&mut case.per_request, 1.0, f64::MAX),
            "--batch" => (&mut case.batch, 1.0, f64::MAX),
            "--receiver-ms" => (&mut case.receiver_ms, 0.0, f64::MAX),
            "--trace-percent" => (&mut case.trace_percent, 0.0, 100.0),
            other => return Err(format!("there is no option {other}\n{}", help())),
        };
        let value = arguments.next().map(String::as_str).unwrap_or_default();
        let number = value.parse().ok().filter(|number: &f64| (least..=most).contains(number));
        let end = if most < f64::MAX { format!("to {most}") } else { "on".to_owned() };
        *field = number.ok_or_else(|| format!("{option} {value}: expected a number from {least} {end}"))?;
    }
    Ok((case, json))
}

/// A page as it is, and as it is to be.
fn rendered(book: &Book, page: &Path) -> Result<(String, String)> {
    let text = std::fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
    let mut wanted = text.clone();
    for table in book.all() {
        let (start, end) = (format!("<!-- {}: cargo xtask cost -->\n", table.name), "<!-- end -->");
        let place = wanted.find(&start).map(|at| at + start.len());
        let place = place.and_then(|at| Some(at..at + wanted[at..].find(end)?));
        let Some(place) = place else {
            return Err(format!("{}: there is no place for a table between {start}and {end}", page.display()));
        };
        wanted.replace_range(place, &format!("\n{}\n", table.markdown()));
    }
    Ok((text, wanted))
}

/// What to do where the page is another.
fn cure(page: &str) -> String {
    format!("`cargo xtask cost --write {page}`, and read what its text says of the numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_page_has_the_tables_of_this_command() {
        run(&arguments("--check docs/cost.md")).unwrap();
    }

    #[test]
    fn options_are_read_and_refused() {
        let (case, json) = own(&arguments("--events 5 --bytes 100 --json --batch 2")).unwrap();
        assert!(json && case.events.to_bits() == 5f64.to_bits() && case.batch.to_bits() == 2f64.to_bits());
        for wrong in [
            "--events",
            "--events many",
            "--events -1",
            "--bytes 0",
            "--event 5",
            "5",
            "--targets inf",
            "--trace-percent 101",
        ] {
            let error = own(&arguments(wrong)).unwrap_err();
            assert!(error.contains(wrong.split_whitespace().next().unwrap()), "{error}");
        }
    }
}
