//! Validation of rendered JSON bodies.

use serde_json::value::RawValue;

use super::position::{Position, TemplateError};

/// Checks that a rendered body is JSON.
///
/// # Errors
///
/// Says where and why it is not. The position is one in the body, not in the template.
pub fn validate_json(body: &str) -> Result<(), TemplateError> {
    // A raw value, because a body may be nested deeper than serde_json's values: an event of the maximum depth may be
    // wrapped in another object.
    let Err(error) = serde_json::from_str::<&RawValue>(body) else { return Ok(()) };
    let message = error.to_string();
    // serde_json appends its own position to the message.
    let reason = message.rsplit_once(" at line ").map_or(&*message, |(reason, _)| reason);
    Err(position(body, error.line(), error.column()).error(format!("the body is not JSON: {reason}")))
}

/// Converts a position of `serde_json`, which counts columns in bytes and from 0 at the end of an empty line.
fn position(text: &str, line: usize, column: usize) -> Position {
    let line = line.max(1);
    let bytes = text.split('\n').nth(line - 1).unwrap_or_default().bytes();
    let starts = bytes.take(column).filter(|byte| byte & 0xc0 != 0x80).count();
    Position { line, column: starts.max(1) }
}
