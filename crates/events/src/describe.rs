//! Telling people what an event is: its label, and a sentence in Markdown.

use serde_json::Value;

use crate::catalog::Catalog;
use crate::event::{Fields, Level};

/// The most characters that one value takes in a summary.
const MAX_VALUE: usize = 200;

/// What an event is, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// What happened, in a few words. Plain text.
    pub label: String,
    /// The same as a sentence. Markdown, on one line; values out of the event are escaped, so
    /// they show as they are and can neither format, nor link, nor hold HTML.
    pub summary: String,
}

/// A piece of a summary's template.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Markdown, as it is.
    Text(&'static str),
    /// A field of the event.
    Field(Field),
    /// A value of the payload.
    At(&'static str),
    /// Left out where a value in it is missing.
    Optional(&'static [Piece]),
    /// The first that has a value.
    First(&'static [Piece]),
}

/// A field that a template can name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Field {
    Actor,
    Environment,
    Level,
    Project,
    Subject,
    Type,
}

const GENERIC: &[Piece] = &[
    Piece::Text("**"),
    Piece::Field(Field::Actor),
    Piece::Text("** triggered **"),
    Piece::Field(Field::Type),
    Piece::Text("**"),
];

impl Catalog {
    /// The label and summary of an event that this catalog has read.
    ///
    /// Events of a type without a template are named by their type.
    pub fn describe(&self, fields: &Fields, payload: &Value) -> Description {
        let event = Described { fields, payload };
        let known = self.event_type(&fields.event_type);
        let summary = known
            .filter(|known| !known.summary.is_empty())
            // An old event may lack what a newer template names.
            .and_then(|known| event.render(known.summary))
            .or_else(|| event.render(GENERIC))
            .unwrap_or_default();
        let label = known.map_or(fields.event_type.as_str(), |known| known.label);
        Description { label: label.to_owned(), summary }
    }
}

struct Described<'a> {
    fields: &'a Fields,
    payload: &'a Value,
}

impl Described<'_> {
    /// The pieces in a row; `None` where a value is missing.
    fn render(&self, pieces: &[Piece]) -> Option<String> {
        let mut summary = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => summary.push_str(text),
                Piece::Field(field) => summary.push_str(&shown(self.field(*field)?)?),
                Piece::At(pointer) => match self.payload.pointer(pointer)? {
                    Value::String(text) => summary.push_str(&shown(text)?),
                    value @ (Value::Number(_) | Value::Bool(_)) => summary.push_str(&value.to_string()),
                    _ => return None,
                },
                Piece::Optional(pieces) => summary.push_str(&self.render(pieces).unwrap_or_default()),
                Piece::First(choices) => {
                    let one = |choice| self.render(std::slice::from_ref(choice));
                    summary.push_str(&choices.iter().find_map(one)?);
                }
            }
        }
        Some(summary)
    }

    fn field(&self, field: Field) -> Option<&str> {
        let fields = self.fields;
        match field {
            // Not everything is done by somebody.
            Field::Actor => Some(fields.actor.as_deref().unwrap_or("system")),
            Field::Environment => fields.environment.as_deref(),
            Field::Level => fields.level.map(name),
            Field::Project => fields.project.as_deref(),
            Field::Subject => fields.subject.as_deref(),
            Field::Type => Some(&fields.event_type),
        }
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    }
}

/// A producer's text, made harmless: on one line, not too long, escaped. `None` where nothing is
/// left to show.
fn shown(text: &str) -> Option<String> {
    let visible: String = text
        .chars()
        .map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c })
        .filter(|c| !is_bidi(*c))
        .collect();
    let visible = visible.trim();
    if visible.is_empty() {
        return None;
    }
    let mut shown = String::with_capacity(visible.len());
    for c in visible.chars().take(MAX_VALUE) {
        if r"\`*_[]<>&~|#!".contains(c) {
            shown.push('\\');
        }
        shown.push(c);
    }
    if visible.chars().nth(MAX_VALUE).is_some() {
        shown.push('…');
    }
    Some(shown)
}

/// Characters that turn the direction of the text around them, which can make it read as
/// something else.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["user@getunleash.io", "test-flag", "/1.0/instances/0c1a", "Ada Lovelace (admin)", "größe", "1.5"]
        {
            assert_eq!(shown(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn hostile_text_is_harmless() {
        for (text, harmless) in [
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
            assert_eq!(shown(text).as_deref(), Some(harmless));
        }
        assert_eq!(shown("\u{202e}\n "), None);
        assert_eq!(shown(&"x".repeat(300)).map(|shown| shown.chars().count()), Some(MAX_VALUE + 1));
    }

    #[track_caller]
    fn described(name: &str, payload: &Value) -> Description {
        let catalog = crate::catalog(name).unwrap();
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        let reading = catalog.read(payload.to_string().as_bytes(), received_at).unwrap();
        catalog.describe(&reading.fields, payload)
    }

    #[test]
    fn the_examples_read_well() {
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
    fn unknown_types_are_named() {
        let payload = serde_json::json!({"id": 1, "type": "strategy_created", "createdBy": "ada",
            "createdAt": "2024-10-03T11:09:53Z"});
        let Description { label, summary } = described("unleash", &payload);
        assert_eq!(label, "strategy_created");
        assert_eq!(summary, r"**ada** triggered **strategy\_created**");
    }

    #[test]
    fn a_template_that_does_not_fit_gives_way() {
        let payload = serde_json::json!({"id": 1, "type": "feature-project-change", "createdBy": "ada",
            "createdAt": "2024-10-03T11:09:53Z", "data": {"oldProject": " ", "newProject": "b"}});
        assert_eq!(described("unleash", &payload).summary, "**ada** triggered **feature-project-change**");
    }
}
