//! Output formats of a report: text, JSON, and GitHub annotations.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use super::compare::Compatibility;
use super::finding::{Finding, Severity, TypeChange};
use super::json_position::line_of_pointer;
use super::report::Report;
use super::text::truncate;

/// Maximum length of an example in the output.
const MAX_EXAMPLE_CHARACTERS: usize = 600;

/// Maximum number of types that a finding lists.
const MAX_LISTED_TYPES: usize = 5;

const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const DIM: Style = Style::new().dimmed();

/// Formats the report as text, with colors.
pub(super) fn format_text(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        write_finding(&mut out, finding, &report.folder);
    }
    if let Some(changes) = &report.changes {
        write_changes(&mut out, changes);
    }
    let count = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let style = if errors > 0 { RED } else { GREEN };
    let Report { files, types, examples, refused_samples, .. } = report;
    let _ = writeln!(
        out,
        "{}, {}, {}, {}: {style}{}{style:#}, {}",
        counted(*files, "schema file"),
        counted(*types, "type"),
        counted(*examples, "example"),
        counted(*refused_samples, "refused sample"),
        counted(errors, "error"),
        counted(warnings, "warning")
    );
    out
}

/// Formats a count with its noun, given in the singular.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn write_finding(out: &mut String, finding: &Finding, folder: &Path) {
    let (style, word) = match finding.severity {
        Severity::Error => (RED, "error"),
        Severity::Warning => (YELLOW, "warning"),
    };
    let location = location(finding, folder);
    let _ = writeln!(out, "{style}{word}[{}]{style:#} {BOLD}{location}{BOLD:#}", finding.rule);
    let _ = writeln!(out, "    {}", finding.message);
    if finding.types.len() > 1 {
        let _ = writeln!(out, "    {DIM}in {} types: {}{DIM:#}", finding.types.len(), list_types(&finding.types));
    }
    if let Some(example) = &finding.example {
        let _ = writeln!(out, "    {DIM}example: {}{DIM:#}", shorten(example));
    }
}

fn write_changes(out: &mut String, changes: &[TypeChange]) {
    if changes.is_empty() {
        let _ = writeln!(out, "no schema changes the set of events that it accepts");
        return;
    }
    let _ = writeln!(out, "{BOLD}changes{BOLD:#}");
    for change in changes {
        let verdict = verdict(change.compatibility);
        if let [one] = &change.changes[..]
            && one.pointer.is_empty()
        {
            let _ = writeln!(out, "  {BOLD}{}{BOLD:#}: {verdict} [{}]", change.event_type, one.rule);
            continue;
        }
        let _ = writeln!(out, "  {BOLD}{}{BOLD:#}: {verdict}", change.event_type);
        for one in &change.changes {
            let _ = writeln!(
                out,
                "    {} [{}] {DIM}{}#{}{DIM:#}: {}",
                self::verdict(one.compatibility),
                one.rule,
                one.file,
                one.pointer,
                one.message
            );
        }
    }
}

/// Returns the compatibility in words, with color.
fn verdict(compatibility: Compatibility) -> String {
    let (style, words) = match compatibility {
        Compatibility::Full => (GREEN, "fully compatible"),
        Compatibility::Backward => (YELLOW, "backward compatible"),
        Compatibility::Forward => (YELLOW, "forward compatible"),
        Compatibility::Breaking => (RED, "breaking"),
    };
    format!("{style}{words}{style:#}")
}

fn location(finding: &Finding, folder: &Path) -> String {
    let path = folder.join(&finding.file);
    match finding.pointer.as_str() {
        "" => path.display().to_string(),
        pointer => format!("{}#{pointer}", path.display()),
    }
}

fn list_types(types: &[String]) -> String {
    let mut text = types.iter().take(MAX_LISTED_TYPES).cloned().collect::<Vec<_>>().join(", ");
    if types.len() > MAX_LISTED_TYPES {
        text.push_str(", …");
    }
    text
}

fn shorten(example: &Value) -> String {
    truncate(example.to_string(), MAX_EXAMPLE_CHARACTERS)
}

/// Formats the report as JSON.
pub(super) fn format_json(report: &Report) -> String {
    // A report holds only values that JSON can represent.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// Formats the findings as workflow commands, which GitHub shows as annotations of their lines.
///
/// Source: docs.github.com, "Workflow commands for GitHub Actions".
pub(super) fn format_github(report: &Report) -> String {
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
            let _ = write!(message, "\nexample: {}", shorten(example));
        }
        let _ = writeln!(
            out,
            "::{command} file={},line={},title={}::{}",
            escape_property(&path.display().to_string()),
            line_of_pointer(&text, &finding.pointer),
            escape_property(&finding.rule),
            escape_data(message.trim_start_matches(": ")),
        );
    }
    out
}

/// Escapes a command's message.
fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a command's property.
fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}
