//! A table, as text and as Markdown.

/// A table; the first row has the headings.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Name in the comments of `docs/cost.md` that enclose the table.
    pub(crate) name: &'static str,
    /// Title.
    pub(crate) title: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(name: &'static str, title: &str, headings: &[&str]) -> Self {
        let rows = vec![headings.iter().map(|&heading| heading.to_owned()).collect()];
        Self { name, title: title.to_owned(), rows }
    }

    pub(crate) fn add_row(&mut self, first: impl Into<String>, others: impl IntoIterator<Item = String>) {
        self.rows.push(std::iter::once(first.into()).chain(others).collect());
    }

    /// Formats the table as text with aligned columns.
    pub(crate) fn to_text(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(String::len).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().enumerate().map(|(column, cell)| match column {
                0 => format!("{cell:<0$}", widths[0]),
                _ => format!("{cell:>0$}", widths[column]),
            });
            format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        };
        let rows: String = self.rows.iter().map(line).collect();
        format!("{}\n\n{rows}", self.title)
    }

    /// Formats the table as Markdown.
    pub(crate) fn to_markdown(&self) -> String {
        let line = |row: &Vec<String>| format!("| {} |\n", row.join(" | "));
        let Some((headings, rows)) = self.rows.split_first() else { return String::new() };
        let rule = "|---".to_owned() + &"|--:".repeat(headings.len().saturating_sub(1)) + "|\n";
        let rows: String = rows.iter().map(line).collect();
        format!("{}:\n\n{}{rule}{rows}", self.title, line(headings))
    }
}

/// Formats dollars with three significant digits or more.
pub(crate) fn dollars(amount: f64) -> String {
    if amount == 0.0 {
        "0".to_owned()
    } else if amount < 0.1 {
        format!("{amount:.3}")
    } else if amount < 100.0 {
        format!("{amount:.2}")
    } else {
        format!("{amount:.0}")
    }
}

/// Formats a payload size.
pub(crate) fn size(bytes: f64) -> String {
    format!("{} KB", bytes / 1000.0)
}

/// Formats a number with separators: `1,000,000`.
pub(crate) fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
