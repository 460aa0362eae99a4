//! Descriptions of events for people: a label, and a sentence in Markdown.

use serde_json::Value;

use crate::catalog::Catalog;
use crate::event::{Fields, Level};
use crate::summary_template::{SummaryField, SummarySegment};

/// Maximum length of a value in a summary, in characters.
const MAX_SUMMARY_VALUE_CHARS: usize = 200;

/// A description of an event for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// A few words, in plain text.
    pub label: String,
    /// A sentence in Markdown, on one line. Values of the event are escaped: they cannot contain formatting, links or HTML.
    pub summary: String,
}

/// Actor in the summary of an event without one.
const NO_ACTOR: &str = "system";

/// The texts of a type's description that do not depend on the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescriptionTexts {
    /// The label.
    pub label: &'static str,
    /// The literals of the summary's templates, in plain text, in no particular order.
    pub literals: Vec<String>,
}

/// The notation of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notation {
    Markdown,
    /// As a reader of the rendered Markdown sees it.
    Plain,
}

const GENERIC_TEMPLATE: &[SummarySegment] = &[
    SummarySegment::Text("**"),
    SummarySegment::Field(SummaryField::Actor),
    SummarySegment::Text("** triggered **"),
    SummarySegment::Field(SummaryField::Type),
    SummarySegment::Text("**"),
];

impl Catalog {
    /// Describes an event that this catalog has accepted.
    ///
    /// The description of an event whose type has no template consists of its actor and type.
    pub fn describe(&self, fields: &Fields, payload: &Value) -> Description {
        self.describe_in(fields, payload, Notation::Markdown)
    }

    /// Returns the label and the summary as people read them, each on a line.
    pub fn describe_plainly(&self, fields: &Fields, payload: &Value) -> String {
        let Description { label, summary } = self.describe_in(fields, payload, Notation::Plain);
        format!("{label}\n{summary}")
    }

    /// Returns the texts that descriptions of this type may contain, apart from values of the event.
    pub fn description_texts_of(&self, event_type: &str) -> DescriptionTexts {
        let known = self.event_type(event_type);
        let templates = [GENERIC_TEMPLATE, known.map_or(&[][..], |known| known.summary)];
        // Values, between spaces.
        let levels = [Level::Debug, Level::Info, Level::Warn, Level::Error].map(Level::as_str);
        let mut literals: Vec<String> = levels.iter().chain([&NO_ACTOR]).map(|value| format!(" {value} ")).collect();
        for template in templates {
            add_literals(template, &mut literals);
        }
        DescriptionTexts { label: known.map_or("", |known| known.label), literals }
    }

    /// Returns the texts of every type of this catalog, and those of unknown types.
    pub fn description_texts(&self) -> impl Iterator<Item = DescriptionTexts> {
        let names = self.types.iter().map(|known| known.name).chain([""]);
        names.map(|name| self.description_texts_of(name))
    }

    fn describe_in(&self, fields: &Fields, payload: &Value, notation: Notation) -> Description {
        let event = DescribedEvent { fields, payload, notation };
        let known = self.event_type(&fields.event_type);
        let summary = known
            .filter(|known| !known.summary.is_empty())
            // An old event may lack a value that a newer template refers to.
            .and_then(|known| event.render(known.summary))
            .or_else(|| event.render(GENERIC_TEMPLATE))
            .unwrap_or_default();
        let label = known.map_or(fields.event_type.as_str(), |known| known.label);
        Description { label: label.to_owned(), summary }
    }
}

/// Adds the literals of a template in plain text.
fn add_literals(template: &[SummarySegment], literals: &mut Vec<String>) {
    for segment in template {
        match segment {
            SummarySegment::Text(text) => literals.push(without_markers(text)),
            SummarySegment::Optional(segments) | SummarySegment::First(segments) => add_literals(segments, literals),
            SummarySegment::Field(_) | SummarySegment::At(_) => {}
        }
    }
}

/// Removes the markers of bold text, the only Markdown in templates.
fn without_markers(literal: &str) -> String {
    literal.replace("**", "")
}

struct DescribedEvent<'a> {
    fields: &'a Fields,
    payload: &'a Value,
    notation: Notation,
}

impl DescribedEvent<'_> {
    /// Renders segments in order; `None` if a value is missing.
    fn render(&self, segments: &[SummarySegment]) -> Option<String> {
        let mut summary = String::new();
        for segment in segments {
            match segment {
                SummarySegment::Text(text) if self.notation == Notation::Plain => {
                    summary.push_str(&without_markers(text));
                }
                SummarySegment::Text(text) => summary.push_str(text),
                SummarySegment::Field(field) => summary.push_str(&self.value(self.field(*field)?)?),
                SummarySegment::At(pointer) => match self.payload.pointer(pointer)? {
                    Value::String(text) => summary.push_str(&self.value(text)?),
                    value @ (Value::Number(_) | Value::Bool(_)) => summary.push_str(&value.to_string()),
                    _ => return None,
                },
                SummarySegment::Optional(segments) => summary.push_str(&self.render(segments).unwrap_or_default()),
                SummarySegment::First(choices) => {
                    let one = |choice| self.render(std::slice::from_ref(choice));
                    summary.push_str(&choices.iter().find_map(one)?);
                }
            }
        }
        Some(summary)
    }

    /// Returns a value of the event in the notation; `None` if it has no visible characters.
    fn value(&self, text: &str) -> Option<String> {
        match self.notation {
            Notation::Markdown => sanitize(text),
            Notation::Plain => visible(text).map(truncated),
        }
    }

    fn field(&self, field: SummaryField) -> Option<&str> {
        let fields = self.fields;
        match field {
            // Some events have no actor.
            SummaryField::Actor => Some(fields.actor.as_deref().unwrap_or(NO_ACTOR)),
            SummaryField::Environment => fields.environment.as_deref(),
            SummaryField::Level => fields.level.map(Level::as_str),
            SummaryField::Project => fields.project.as_deref(),
            SummaryField::Subject => fields.subject.as_deref(),
            SummaryField::Type => Some(&fields.event_type),
        }
    }
}

/// Returns a producer's text on one line, without characters that disguise it; `None` if it has no visible characters.
fn visible(text: &str) -> Option<String> {
    let visible: String = text
        .chars()
        .map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c })
        .filter(|c| !is_bidi_control(*c))
        .collect();
    let visible = visible.trim();
    (!visible.is_empty()).then(|| visible.to_owned())
}

/// Truncates a text of an event.
fn truncated(text: String) -> String {
    match text.char_indices().nth(MAX_SUMMARY_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Returns a producer's text on one line, truncated and escaped; `None` if it has no visible characters.
fn sanitize(text: &str) -> Option<String> {
    let visible = visible(text)?;
    let mut sanitized = String::with_capacity(visible.len());
    for c in visible.chars().take(MAX_SUMMARY_VALUE_CHARS) {
        if r"\`*_[]<>&~|#!".contains(c) {
            sanitized.push('\\');
        }
        sanitized.push(c);
    }
    if visible.chars().nth(MAX_SUMMARY_VALUE_CHARS).is_some() {
        sanitized.push('…');
    }
    Some(sanitized)
}

/// Returns whether a character changes the direction of the surrounding text, which can disguise it.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_unchanged() {
        for name in ["user@getunleash.io", "test-flag", "/1.0/instances/0c1a", "Ada Lovelace (admin)", "größe", "1.5"]
        {
            assert_eq!(sanitize(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn hostile_text_is_escaped() {
        for (text, escaped) in [
            ("**bold**", r"\*\*bold\*\*"),
            ("[click](javascript:alert(1))", r"\[click\](javascript:alert(1))"),
            ("![x](https://evil.example/p.png)", r"\!\[x\](https://evil.example/p.png)"),
            ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)\>"),
            ("&lt;b&gt;", r"\&lt;b\&gt;"),
            ("a\n\n# heading", r"a  \# heading"),
            ("`code` ~~gone~~ a|b a_b", r"\`code\` \~\~gone\~\~ a\|b a\_b"),
            (r"\*", r"\\\*"),
            ("user\u{202e}nimda", "usernimda"),
        ] {
            assert_eq!(sanitize(text).as_deref(), Some(escaped));
        }
        assert_eq!(sanitize("\u{202e}\n "), None);
        assert_eq!(sanitize(&"x".repeat(300)).map(|text| text.chars().count()), Some(MAX_SUMMARY_VALUE_CHARS + 1));
    }

    #[track_caller]
    fn described(name: &str, payload: &Value) -> Description {
        let catalog = crate::catalog(name).unwrap();
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        let extracted = catalog.extract(payload.to_string().as_bytes(), received_at).unwrap();
        catalog.describe(&extracted.fields, payload)
    }

    #[test]
    fn examples_have_readable_summaries() {
        for (name, event_type, summary) in [
            ("unleash", "feature-created", "**user@getunleash.io** created **test-flag** in project **test-project**"),
            (
                "unleash",
                "feature-strategy-add",
                "**user@getunleash.io** added strategy **flexibleRollout** to **new-feature** in **default** in project **my-other-project**",
            ),
            ("unleash", "user-created", "**user@getunleash.io** created user **New User Name**"),
            (
                "unleash",
                "segment-created",
                "**user@getunleash.io** created segment **new segment** in project **development**",
            ),
            ("migration-manager", "logging", "**INFO** Start https listener"),
            (
                "migration-manager",
                "migration-created",
                "**system** created **/1.0/instances/0c1a0f52-6f0e-4d8b-9a35-2f6f5f1f7c11** for **/1.0/queue/7d7bfcf4-7a0c-4a8e-8f0f-51b9f0a6a0c2**",
            ),
        ] {
            let example = crate::catalog(name).unwrap().event_type(event_type).unwrap().examples[0];
            assert_eq!(described(name, &serde_json::from_str(example).unwrap()).summary, summary);
        }
    }

    #[test]
    fn unknown_types_have_a_generic_summary() {
        let payload = serde_json::json!({"id": 1, "type": "strategy_created", "createdBy": "ada",
            "createdAt": "2024-10-03T11:09:53Z"});
        let Description { label, summary } = described("unleash", &payload);
        assert_eq!(label, "strategy_created");
        assert_eq!(summary, r"**ada** triggered **strategy\_created**");
    }

    #[test]
    fn templates_with_missing_values_fall_back_to_the_generic_summary() {
        let payload = serde_json::json!({"id": 1, "type": "feature-project-change", "createdBy": "ada",
            "createdAt": "2024-10-03T11:09:53Z", "data": {"oldProject": " ", "newProject": "b"}});
        assert_eq!(described("unleash", &payload).summary, "**ada** triggered **feature-project-change**");
    }
}
