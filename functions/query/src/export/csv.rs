//! The CSV form of an export (RFC 4180).

use serde_json::json;

use crate::event_view::EventView;

/// A column: its name, and the cell of an event.
type Column = (&'static str, fn(&EventView) -> String);

/// The columns, in order. New columns are added at the end.
const COLUMNS: [Column; 18] = [
    ("id", |event| event.id.to_string()),
    ("source", |event| event.source.clone()),
    ("catalog", |event| event.catalog.clone()),
    ("scope", |event| event.scope.to_string()),
    ("type", |event| event.r#type.clone()),
    ("time", |event| event.time.to_string()),
    ("time_given", |event| event.time_given.to_string()),
    ("received_at", |event| event.received_at.to_string()),
    ("actor", |event| optional(event.actor.as_ref())),
    ("subject", |event| optional(event.subject.as_ref())),
    ("entities", |event| if event.entities.is_empty() { String::new() } else { json!(event.entities).to_string() }),
    ("project", |event| optional(event.project.as_ref())),
    ("environment", |event| optional(event.environment.as_ref())),
    ("level", |event| optional(event.level.as_ref())),
    ("sv", |event| optional(event.sv.as_ref())),
    ("label", |event| event.label.clone()),
    ("summary", |event| event.summary.clone()),
    ("payload", |event| event.payload.get().to_owned()),
];

/// Returns the line with the column names.
pub(super) fn header() -> String {
    line(COLUMNS.map(|(name, _)| name))
}

/// Returns the line of an event.
pub(super) fn row(event: &EventView) -> String {
    line(COLUMNS.map(|(_, cell)| escape_formula(&cell(event))))
}

fn optional(value: Option<&impl ToString>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn line(cells: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // Writing to memory cannot fail, and the bytes are those of strings.
    let line = csv.write_record(cells).ok().and_then(|()| csv.into_inner().ok());
    String::from_utf8(line.unwrap_or_default()).unwrap_or_default()
}

/// Prefixes a cell that a spreadsheet would evaluate as a formula with an apostrophe, as OWASP advises
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn escape_formula(cell: &str) -> String {
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '\t' | '\r' | '\n') => format!("'{cell}"),
        _ => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_escaped() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "＋1", "－1", "＠SUM(A1)"] {
            assert_eq!(escape_formula(cell), format!("'{cell}"));
        }
        assert_eq!(escape_formula("a=1"), "a=1");
    }

    #[test]
    fn the_operation_documents_every_column() {
        let columns = COLUMNS.map(|(name, _)| name).join(", ");
        let description = super::super::EXPORT_EVENTS.description;
        assert!(description.split_whitespace().collect::<Vec<_>>().join(" ").contains(&format!("`{columns}`")));
    }
}
