//! Whether a body is to be JSON, and whether it is.

use serde_json::value::RawValue;

use super::escape::essence;
use super::{Position, TemplateError};

/// Whether what has this `content-type` is to be JSON.
pub fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    matches!(&*essence, "application/json" | "text/json") || essence.ends_with("+json")
}

/// Where and why `rendered` is not JSON, or `None` when it is. The place is one in the body, not in the template.
pub fn json_error(rendered: &str) -> Option<TemplateError> {
    // Raw, since a body may well be nested deeper than serde_json builds values: an event that barely passed is, with
    // another object around it.
    let error = serde_json::from_str::<&RawValue>(rendered).err()?;
    let words = error.to_string();
    // serde_json ends what it says with its own idea of the place.
    let reason = words.rsplit_once(" at line ").map_or(&*words, |(reason, _)| reason);
    Some(position(rendered, error.line(), error.column()).error(format!("the body is not JSON: {reason}")))
}

/// What `serde_json` counts from 0 at the end of an empty line, and in bytes.
fn position(text: &str, line: usize, column: usize) -> Position {
    let line = line.max(1);
    let bytes = text.split('\n').nth(line - 1).unwrap_or_default().bytes();
    let starts = bytes.take(column).filter(|byte| byte & 0xc0 != 0x80).count();
    Position { line, column: starts.max(1) }
}
