//! Rendering: from a syntax tree and a context to a body.

use std::borrow::Cow;
use std::io::{self, Write};
use std::iter;

use super::escape::Escape;
use super::position::{Position, TemplateError};
use super::syntax::{MAX_RENDER_STEPS, Name, Node, Section};
use super::value::TemplateValue;

pub(super) fn render(
    nodes: &[Node],
    context: &TemplateValue,
    escape: Escape,
    max_bytes: usize,
) -> Result<String, TemplateError> {
    let body = Body { bytes: Vec::new(), max_bytes, escape: Escape::None };
    let mut renderer = Renderer { body, escape, steps: 0 };
    renderer.nodes(nodes, &Scope { item: context, outer: None })?;
    // Cannot fail: the parts are UTF-8, and escapes replace whole characters.
    String::from_utf8(renderer.body.bytes).map_err(|error| Position::START.error(error.to_string()))
}

/// The context in which names are looked up. Scopes are on the stack; `MAX_NESTING_DEPTH` limits their number.
#[derive(Clone, Copy)]
struct Scope<'s> {
    item: &'s TemplateValue,
    outer: Option<&'s Scope<'s>>,
}

impl<'s> Scope<'s> {
    fn find(&self, name: &Name) -> Option<Cow<'s, TemplateValue>> {
        if name.is_item() {
            return Some(Cow::Borrowed(self.item));
        }
        let mut parts = name.0.split('.');
        let root = parts.next()?;
        let found =
            iter::successors(Some(*self), |scope| scope.outer.copied()).find_map(|scope| member(scope.item, root))?;
        // Only the first part is looked up in outer scopes. The other parts are members of the value that it names.
        parts.try_fold(found, |found, part| match found {
            Cow::Borrowed(value) => member(value, part),
            Cow::Owned(_) => None,
        })
    }
}

fn member<'v>(value: &'v TemplateValue, part: &str) -> Option<Cow<'v, TemplateValue>> {
    match value {
        TemplateValue::Object(members) => members.get(part).map(Cow::Borrowed),
        // Lets a section test whether an array is empty, without iterating over it.
        TemplateValue::Array(items) if part == "length" => Some(Cow::Owned(TemplateValue::number(items.len()))),
        TemplateValue::Array(items) => items.get(index(part)?).map(Cow::Borrowed),
        _ => None,
    }
}

/// Parses the canonical form of an index: `parse` would also accept `+1` and `01`.
fn index(part: &str) -> Option<usize> {
    let is_canonical = part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
    part.parse().ok().filter(|_| is_canonical)
}

/// Returns whether a value is truthy as in JavaScript, except that an empty array is not.
fn is_truthy(value: &TemplateValue) -> bool {
    match value {
        TemplateValue::Null => false,
        TemplateValue::Bool(bool) => *bool,
        TemplateValue::Number(number) => number.get().parse() != Ok(0.0),
        TemplateValue::String(string) => !string.is_empty(),
        TemplateValue::Array(items) => !items.is_empty(),
        TemplateValue::Object(_) => true,
    }
}

struct Renderer {
    body: Body,
    /// Escape of escaped tags.
    escape: Escape,
    steps: usize,
}

impl Renderer {
    fn nodes(&mut self, nodes: &[Node], scope: &Scope<'_>) -> Result<(), TemplateError> {
        for node in nodes {
            self.step(node.at())?;
            match node {
                Node::Text { text, at } => self.write(*at, Escape::None, |body| body.write_all(text.as_bytes()))?,
                Node::Value { name, escaped, at } => {
                    if let Some(value) = scope.find(name) {
                        let escape = if *escaped { self.escape } else { Escape::None };
                        self.write(*at, escape, |body| body.write_value(&value))?;
                    }
                }
                Node::Section(section) => self.section(section, scope)?,
            }
        }
        Ok(())
    }

    fn section(&mut self, section: &Section, scope: &Scope<'_>) -> Result<(), TemplateError> {
        let value = scope.find(&section.name);
        let value = value.as_deref().filter(|value| is_truthy(value));
        match value {
            None if section.inverted => self.nodes(&section.nodes, scope),
            Some(TemplateValue::Array(items)) if !section.inverted => items.iter().try_for_each(|item| {
                self.step(section.at)?;
                self.nodes(&section.nodes, &Scope { item, outer: Some(scope) })
            }),
            Some(item) if !section.inverted => self.nodes(&section.nodes, &Scope { item, outer: Some(scope) }),
            _ => Ok(()),
        }
    }

    fn step(&mut self, at: Position) -> Result<(), TemplateError> {
        self.steps += 1;
        if self.steps > MAX_RENDER_STEPS {
            return Err(at.error(format!("rendering the body takes more than {MAX_RENDER_STEPS} steps")));
        }
        Ok(())
    }

    fn write(
        &mut self,
        at: Position,
        escape: Escape,
        write: impl FnOnce(&mut Body) -> io::Result<()>,
    ) -> Result<(), TemplateError> {
        self.body.escape = escape;
        // A write fails only if the body would exceed its limit.
        let max_bytes = self.body.max_bytes;
        write(&mut self.body).map_err(|_| at.error(format!("the body exceeds {max_bytes} bytes")))
    }
}

/// The rendered body. A write that would exceed the limit fails without writing.
struct Body {
    bytes: Vec<u8>,
    max_bytes: usize,
    /// Escape of the current write.
    escape: Escape,
}

impl Body {
    fn write_value(&mut self, value: &TemplateValue) -> io::Result<()> {
        match value {
            TemplateValue::Null => Ok(()),
            TemplateValue::String(string) => self.write_all(string.as_bytes()),
            value => Ok(serde_json::to_writer(self, value)?),
        }
    }

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > self.max_bytes.saturating_sub(self.bytes.len()) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Escapes byte by byte, because the writer may split the text anywhere.
    fn push_escaped(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut plain = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if let Some(replacement) = self.escape.replacement(*byte) {
                self.push(&bytes[plain..at])?;
                self.push(&replacement)?;
                plain = at + 1;
            }
        }
        self.push(&bytes[plain..])
    }
}

impl Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push_escaped(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
