//! Bodies of webhooks from templates: a bounded Mustache whose escape is that of what the body is.
//!
//! Templates are strangers' and so are the events they are filled with: what a template may cost is bounded in each
//! direction, and what is wrong with one is said with its place.

mod escape;
mod json;
mod parse;
mod render;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::Value;

pub use escape::Escape;
pub use json::{is_json, json_error};

/// How long a template's text may be.
pub(crate) const MAX_TEMPLATE_BYTES: usize = 64 * 1024;
/// How many sections may be open at once. Parsing and rendering rely on it: they recurse as deeply.
pub(crate) const MAX_NESTING: usize = 16;
/// How long the name in a tag may be.
pub(crate) const MAX_NAME_BYTES: usize = 256;
/// How many nodes and items of arrays one rendering may visit. Nested sections multiply: sixteen of them over an
/// array of ten are more than anyone waits for, though they need not write a byte.
pub(crate) const MAX_STEPS: usize = 1_000_000;

/// A Mustache template, parsed.
///
/// `{{a.b}}` is escaped, `{{{a.b}}}` and `{{& a.b}}` are not. There are sections, inverted sections and comments;
/// there are no partials, other delimiters or lambdas.
#[derive(Clone, Debug)]
pub struct Template {
    nodes: Vec<Node>,
    names: Vec<Named>,
}

/// What a tag names, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Named {
    /// The name: `event.type`, or `.`.
    pub name: Box<str>,
    /// Where the tag stands.
    pub at: Position,
    /// Whether it can only be looked up in the context itself: so it is in tags outside of sections, of outermost
    /// sections, and in inverted sections alone, which bring no context of their own. `{{.}}` there is the whole context.
    pub is_root: bool,
}

impl Named {
    /// What the name begins with: its first part, or `.`.
    pub fn root(&self) -> &str {
        root(&self.name)
    }
}

fn root(name: &str) -> &str {
    if name == Name::ITEM { name } else { name.split('.').next().unwrap_or_default() }
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// Says where the text is no template, and why.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        parse::parse(text)
    }

    /// Renders the template against `context`, an object whose names the template's outermost tags begin with, for a
    /// body with this escape.
    ///
    /// # Errors
    ///
    /// When the body would have more than `max_bytes`, or takes too many steps. The place is that of the tag, or the
    /// text, where that showed.
    pub fn render(&self, context: &Value, escape: Escape, max_bytes: usize) -> Result<String, TemplateError> {
        render::render(&self.nodes, context, escape, max_bytes)
    }

    /// What its tags name, in the text's order and as often as they do. The ends of sections are left out.
    pub fn names(&self) -> &[Named] {
        &self.names
    }
}

/// A place in a text. Both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// The line, ended by `\n`.
    pub line: usize,
    /// The character within the line.
    pub column: usize,
}

impl Position {
    const START: Self = Self { line: 1, column: 1 };

    /// The place that follows `text`, if `text` is here.
    fn after(self, text: &str) -> Self {
        match text.rsplit_once('\n') {
            Some((lines, last)) => Self {
                line: self.line + 1 + lines.bytes().filter(|&byte| byte == b'\n').count(),
                column: 1 + last.chars().count(),
            },
            None => Self { line: self.line, column: self.column + text.chars().count() },
        }
    }

    fn error(self, reason: impl Into<String>) -> TemplateError {
        TemplateError { line: self.line, column: self.column, reason: reason.into() }
    }
}

/// Why a template, or a body rendered from one, cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TemplateError {
    /// The line, from 1.
    pub line: usize,
    /// The character within the line, from 1.
    pub column: usize,
    /// What is wrong, in words that can follow a colon.
    pub reason: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.reason)
    }
}

impl std::error::Error for TemplateError {}

#[derive(Clone, Debug)]
enum Node {
    Text { text: String, at: Position },
    Value { name: Name, escaped: bool, at: Position },
    Section(Section),
}

impl Node {
    fn at(&self) -> Position {
        match self {
            Self::Text { at, .. } | Self::Value { at, .. } => *at,
            Self::Section(section) => section.at,
        }
    }
}

#[derive(Clone, Debug)]
struct Section {
    name: Name,
    inverted: bool,
    nodes: Vec<Node>,
    at: Position,
}

/// What a tag names: `.`, or one or more parts between dots, none of them empty.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Name(Box<str>);

impl Name {
    const ITEM: &str = ".";

    fn is_item(&self) -> bool {
        &*self.0 == Self::ITEM
    }

    fn root(&self) -> &str {
        root(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
