//! Positions in a text, and errors at a position.

use std::fmt;

/// A position in a text. Lines and columns count from 1; a column is a character.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// Number of the line; lines end with `\n`.
    pub line: usize,
    /// Number of the character within the line.
    pub column: usize,
}

impl Position {
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// Returns the position after `text`, if `text` begins at this position.
    pub(super) fn after(self, text: &str) -> Self {
        match text.rsplit_once('\n') {
            Some((lines, last)) => Self {
                line: self.line + 1 + lines.bytes().filter(|&byte| byte == b'\n').count(),
                column: 1 + last.chars().count(),
            },
            None => Self { line: self.line, column: self.column + text.chars().count() },
        }
    }

    pub(super) fn error(self, reason: impl Into<String>) -> TemplateError {
        TemplateError { line: self.line, column: self.column, reason: reason.into() }
    }
}

/// The error of a template, or of a body rendered from one, that is invalid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TemplateError {
    /// Number of the line, from 1.
    pub line: usize,
    /// Number of the character within the line, from 1.
    pub column: usize,
    /// Reason, in words that can follow a colon.
    pub reason: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.reason)
    }
}

impl std::error::Error for TemplateError {}
