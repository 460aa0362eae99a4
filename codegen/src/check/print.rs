//! Reports for people, for tools, and for GitHub.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use super::finding::{Finding, Report, Severity, TypeChange};
use super::lines::line;

/// The longest example that is shown whole, in bytes.
const LONGEST_EXAMPLE: usize = 600;

const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// The report for people, with colour.
pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        finding_text(&mut out, finding, &report.folder);
    }
    if let Some(changes) = &report.changes {
        changes_text(&mut out, changes);
    }
    let count = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let style = if errors > 0 { RED } else { GREEN };
    let Report { files, types, examples, refused_samples, .. } = report;
    let _ = writeln!(
        out,
        "{files} schema files, {types} types, {examples} examples, {refused_samples} refused samples: \
         {style}{errors} errors{style:#}, {warnings} warnings"
    );
    out
}

fn finding_text(out: &mut String, finding: &Finding, folder: &Path) {
    let (style, word) = match finding.severity {
        Severity::Error => (RED, "error"),
        Severity::Warning => (YELLOW, "warning"),
    };
    let place = place(finding, folder);
    let _ = writeln!(out, "{style}{word}[{}]{style:#} {BOLD}{place}{BOLD:#}", finding.rule);
    let _ = writeln!(out, "    {}", finding.message);
    if finding.types.len() > 1 {
        let _ = writeln!(out, "    {DIM}in {} types: {}{DIM:#}", finding.types.len(), some(&finding.types));
    }
    if let Some(example) = &finding.example {
        let _ = writeln!(out, "    {DIM}for example {}{DIM:#}", shown(example));
    }
}

fn changes_text(out: &mut String, changes: &[TypeChange]) {
    if changes.is_empty() {
        let _ = writeln!(out, "no schema has changed what it accepts");
        return;
    }
    let _ = writeln!(out, "{BOLD}changes{BOLD:#}");
    for change in changes {
        let word = word(change.compatibility);
        if let [one] = &change.changes[..]
            && one.pointer.is_empty()
        {
            let _ = writeln!(out, "  {BOLD}{}{BOLD:#}: {word} [{}]", change.event_type, one.rule);
            continue;
        }
        let _ = writeln!(out, "  {BOLD}{}{BOLD:#}: {word}", change.event_type);
        for one in &change.changes {
            let _ = writeln!(
                out,
                "    {} [{}] {DIM}{}#{}{DIM:#}: {}",
                self::word(one.compatibility),
                one.rule,
                one.file,
                one.pointer,
                one.message
            );
        }
    }
}

fn word(compatibility: super::Compatibility) -> String {
    use super::Compatibility as C;
    let (style, word) = match compatibility {
        C::Full => (GREEN, "fully compatible"),
        C::Backward => (YELLOW, "backward compatible"),
        C::Forward => (YELLOW, "forward compatible"),
        C::Breaking => (RED, "breaking"),
    };
    format!("{style}{word}{style:#}")
}

fn place(finding: &Finding, folder: &Path) -> String {
    let path = folder.join(&finding.file);
    match finding.pointer.as_str() {
        "" => path.display().to_string(),
        pointer => format!("{}#{pointer}", path.display()),
    }
}

fn some(types: &[String]) -> String {
    let mut text = types.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    if types.len() > 5 {
        text.push_str(", …");
    }
    text
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().find(|(at, _)| *at >= LONGEST_EXAMPLE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The report as JSON.
pub(super) fn json(report: &Report) -> String {
    // Strings, numbers and lists of them: nothing that JSON could not hold.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// The findings as workflow commands, which GitHub shows beside the lines that they are about.
///
/// Source: docs.github.com, "Workflow commands for GitHub Actions".
pub(super) fn github(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let path = report.folder.join(&finding.file);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let mut message = format!("{}: {}", finding.pointer, finding.message);
        if let Some(example) = &finding.example {
            let _ = write!(message, "\nfor example {}", shown(example));
        }
        let _ = writeln!(
            out,
            "::{command} file={},line={},title={}::{}",
            property(&path.display().to_string()),
            line(&text, &finding.pointer),
            property(&finding.rule),
            data(message.trim_start_matches(": ")),
        );
    }
    out
}

/// A command's message, escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A command's property, escaped.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
