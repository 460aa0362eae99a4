//! The CSV form of an export (RFC 4180).

use serde_json::json;

use crate::event_view::EventView;

/// A column: its name, and the cell of an event.
type Column = (&'static str, fn(&EventView) -> String);

/// Byte order mark, by which Excel recognises UTF-8.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The notation of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdNotation {
    Number,
    /// A formula whose value is a text: spreadsheets keep only 15 digits of a number.
    Text,
}

/// The columns, in order. New columns are added at the end.
const COLUMNS: [Column; 19] = [
    ("id", |event| event.id.to_string()),
    ("source", |event| escape_formulas(&event.source)),
    ("catalog", |event| escape_formulas(&event.catalog)),
    ("scope", |event| event.scope.to_string()),
    ("type", |event| escape_formulas(&event.r#type)),
    ("time", |event| event.time.to_string()),
    ("time_given", |event| event.time_given.to_string()),
    ("received_at", |event| event.received_at.to_string()),
    ("actor", |event| escape_formulas(&optional(event.actor.as_ref()))),
    ("subject", |event| escape_formulas(&optional(event.subject.as_ref()))),
    (
        "entities",
        |event| if event.entities.is_empty() { String::new() } else { json_cell(&json!(event.entities).to_string()) },
    ),
    ("project", |event| escape_formulas(&optional(event.project.as_ref()))),
    ("environment", |event| escape_formulas(&optional(event.environment.as_ref()))),
    ("level", |event| optional(event.level.as_ref())),
    ("sv", |event| optional(event.sv.as_ref())),
    ("label", |event| escape_formulas(&event.label)),
    ("summary", |event| escape_formulas(&without_markdown(&event.summary))),
    ("payload", |event| json_cell(event.payload.get())),
    ("summary_markdown", |event| escape_formulas(&event.summary)),
];

/// Returns the line with the column names.
pub(super) fn header() -> String {
    line(COLUMNS.map(|(name, _)| name))
}

/// Returns the line of an event.
pub(super) fn row(event: &EventView, ids: IdNotation) -> String {
    line(COLUMNS.map(|(name, cell)| match (name, ids) {
        ("id", IdNotation::Text) => format!("=\"{}\"", event.id),
        _ => cell(event),
    }))
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

/// Prefixes what a spreadsheet would evaluate as a formula with an apostrophe, as OWASP advises
/// (<https://owasp.org/www-community/attacks/CSV_Injection>): at the beginning of the cell, and after characters at which
/// a spreadsheet of another language splits the cell, for example in German at semicolons.
fn escape_formulas(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    if text.starts_with(['\t', '\r', '\n']) {
        cell.push('\'');
    }
    for part in text.split_inclusive(is_separator) {
        if formula_sign(part).is_some() {
            cell.push('\'');
        }
        cell.push_str(part);
    }
    cell
}

/// Returns JSON as a cell. A text that a spreadsheet would evaluate as a formula is in a string, after a character at which
/// it splits the cell. JSON can escape the sign without a change of the value.
fn json_cell(json: &str) -> String {
    let mut cell = String::with_capacity(json.len());
    for (at, part) in json.split_inclusive(is_separator).enumerate() {
        // Line breaks are between tokens, and no token is a formula.
        match formula_sign(part).filter(|_| at > 0 && cell.ends_with(';')) {
            Some((start, sign)) => {
                let escape = format!("\\u{:04x}", u32::from(sign));
                cell.extend([&part[..start], &escape, &part[start + sign.len_utf8()..]]);
            }
            None => cell.push_str(part),
        }
    }
    cell
}

/// Returns whether spreadsheets may split a cell after this character, if they expect another separator than the comma.
fn is_separator(char: char) -> bool {
    matches!(char, ';' | '\t' | '\r' | '\n')
}

/// Returns the sign that makes a spreadsheet evaluate a text, and its position. Spreadsheets ignore some characters before
/// it.
fn formula_sign(text: &str) -> Option<(usize, char)> {
    let ignored = |char: char| char == '"' || char.is_whitespace() || char.is_control() || is_invisible(char);
    let (at, char) = text.char_indices().find(|(_, char)| !ignored(*char))?;
    matches!(char, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠').then_some((at, char))
}

/// Returns whether a character has no width: a byte order mark, for example.
fn is_invisible(char: char) -> bool {
    matches!(char, BYTE_ORDER_MARK | '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

/// Returns a summary in plain text. In a summary, a backslash escapes the next character, and other stars mark bold text.
fn without_markdown(summary: &str) -> String {
    let (mut plain, mut chars) = (String::with_capacity(summary.len()), summary.chars());
    while let Some(char) = chars.next() {
        match char {
            '\\' => plain.extend(chars.next()),
            '*' => {}
            char => plain.push(char),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_escaped() {
        for cell in
            ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "＋1", "－1", "＠SUM(A1)", " =1", "\u{0}=1", "\u{feff}=1", "\"=1"]
        {
            assert_eq!(escape_formulas(cell), format!("'{cell}"));
        }
        for (cell, escaped) in [
            ("a=1", "a=1"),
            ("x;=1+1;y", "x;'=1+1;y"),
            ("x; \"@SUM(A1)", "x;' \"@SUM(A1)"),
            ("x\n=1\r\n+1", "x\n'=1\r\n'+1"),
            ("\t=1", "'\t'=1"),
            ("\nx", "'\nx"),
            ("a;b", "a;b"),
        ] {
            assert_eq!(escape_formulas(cell), escaped);
        }
    }

    #[test]
    fn formulas_in_json_are_escaped_without_a_change_of_the_value() {
        let json = "{\"a\": \"x;=1+1; \u{ff1d}2;b\",\n  \"n\": [\n-1]}";
        let cell = json_cell(json);
        assert_eq!(cell, "{\"a\": \"x;\\u003d1+1; \\uff1d2;b\",\n  \"n\": [\n-1]}");
        let parse = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(parse(&cell), parse(json));
        let plain = "{\"a\": \"=1;b\"}";
        assert_eq!(json_cell(plain), plain);
    }

    #[test]
    fn summaries_are_plain_text() {
        assert_eq!(
            without_markdown(r"**ada** triggered **strategy\_created** \*\\"),
            r"ada triggered strategy_created *\"
        );
    }

    #[test]
    fn the_operation_documents_every_column() {
        let columns = COLUMNS.map(|(name, _)| name).join(", ");
        let description = super::super::EXPORT_EVENTS.description;
        assert!(description.split_whitespace().collect::<Vec<_>>().join(" ").contains(&format!("`{columns}`")));
    }
}
