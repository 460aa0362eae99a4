//! Templates of webhook bodies: a subset of Mustache with escaping by content type.
//!
//! Both templates and events come from untrusted parties. The cost of a template is therefore limited in every respect,
//! and errors state the position in the template.

mod escape;
mod json;
mod media_type;
mod parse;
mod position;
mod render;
mod syntax;
mod value;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use escape::Escape;
pub use json::validate_json;
pub use media_type::is_json_media_type;
pub use position::{Position, TemplateError};
use syntax::Node;
pub use syntax::TemplateTag;
pub use value::{TemplateObject, TemplateValue};

/// A parsed Mustache template.
///
/// `{{a.b}}` is escaped; `{{{a.b}}}` and `{{& a.b}}` are not. Sections, inverted sections and comments are supported;
/// partials, set delimiters and lambdas are not.
#[derive(Clone, Debug)]
pub struct Template {
    nodes: Vec<Node>,
    tags: Vec<TemplateTag>,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// If the text is not a valid template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let (nodes, tags) = parse::parse(text)?;
        Ok(Self { nodes, tags })
    }

    /// Renders the template. `context` is an object whose members the outermost tags name; `escape` is that of the body's
    /// content type.
    ///
    /// # Errors
    ///
    /// If the body would exceed `max_bytes`, or takes too many steps. The position is that of the tag or text at which
    /// rendering stopped.
    pub fn render(
        &self,
        context: impl Into<TemplateValue>,
        escape: Escape,
        max_bytes: usize,
    ) -> Result<String, TemplateError> {
        render::render(&self.nodes, &context.into(), escape, max_bytes)
    }

    /// Returns the tags that name a value, in the order of the text; closing tags are left out.
    pub fn tags(&self) -> &[TemplateTag] {
        &self.tags
    }
}
