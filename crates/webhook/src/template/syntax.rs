//! The syntax tree of a template, and the limits of templates.

use std::fmt;

use super::position::Position;

/// Maximum size of a template, in bytes.
pub(super) const MAX_TEMPLATE_BYTES: usize = 64 * 1024;
/// Maximum depth of nested sections. Parsing and rendering recurse as deeply and rely on this limit.
pub(super) const MAX_NESTING_DEPTH: usize = 16;
/// Maximum size of the name in a tag, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 256;
/// Maximum number of nodes and array items that a rendering may visit. Nested sections multiply: sixteen of them over an
/// array of ten items would run practically forever, even without writing a byte.
pub(super) const MAX_RENDER_STEPS: usize = 1_000_000;

/// A tag that names a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TemplateTag {
    /// Name in the tag: `event.type`, or `.`.
    pub name: Box<str>,
    /// Position of the tag.
    pub position: Position,
    /// True if the name can only be found in the root context: outside of sections, in the tag of an outermost section,
    /// and within inverted sections only, which add no context. There, `{{.}}` is the whole context.
    pub is_root: bool,
}

impl TemplateTag {
    /// Returns the first part of the name, or `.`.
    pub fn root(&self) -> &str {
        root(&self.name)
    }
}

fn root(name: &str) -> &str {
    if name == Name::ITEM { name } else { name.split('.').next().unwrap_or_default() }
}

/// A node of the tree.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Text { text: String, at: Position },
    Value { name: Name, escaped: bool, at: Position },
    Section(Section),
}

impl Node {
    pub(super) fn at(&self) -> Position {
        match self {
            Self::Text { at, .. } | Self::Value { at, .. } => *at,
            Self::Section(section) => section.at,
        }
    }
}

/// A section and its content.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) name: Name,
    pub(super) inverted: bool,
    pub(super) nodes: Vec<Node>,
    pub(super) at: Position,
}

/// The name in a tag: `.`, or one or more non-empty parts separated by dots.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Name(pub(super) Box<str>);

impl Name {
    const ITEM: &str = ".";

    pub(super) fn is_item(&self) -> bool {
        &*self.0 == Self::ITEM
    }

    pub(super) fn root(&self) -> &str {
        root(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
