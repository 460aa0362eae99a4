//! The names of sources, keys and targets, and the problems of what is sent to create them.

use events::Violation;
use serde_json::json;
use web::{Kind, Problem};

/// What a name may be, as JSON Schema says it.
pub(crate) const PATTERN: &str = "^[A-Za-z0-9_-]{1,64}$";

/// What is wrong with a body, collected so that its sender learns all of it at once.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<Violation>);

impl Violations {
    /// Adds what is wrong with one field.
    pub(crate) fn add(&mut self, field: &str, keyword: &str, message: impl Into<String>) {
        self.0.push(Violation { pointer: format!("/{field}"), keyword: keyword.to_owned(), message: message.into() });
    }

    /// Checks a name: it stands in paths, headers and logs.
    pub(crate) fn check_name(&mut self, name: &str) {
        const MAX: usize = 64;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || name.len() > MAX || !name.bytes().all(allowed) {
            self.add("name", "pattern", format!("expected 1 to {MAX} letters, digits, `-` or `_`"));
        }
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds what is wrong with one of several bodies.
    pub(crate) fn extend(&mut self, place: &str, others: Self) {
        let moved = |other: Violation| Violation { pointer: format!("/{place}{}", other.pointer), ..other };
        self.0.extend(others.0.into_iter().map(moved));
    }

    /// The problem, where anything is wrong.
    pub(crate) fn into_result(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_problem()) }
    }

    /// The problem of all of it.
    pub(crate) fn into_problem(self) -> Problem {
        let fields: Vec<String> = self.0.iter().map(|v| format!("{} {}", v.pointer, v.message)).collect();
        Problem::new(Kind::Refused, fields.join("; ")).with("violations", json!(self.0))
    }
}

/// The problem of a name that nothing has.
pub(crate) fn unknown(kind: &str, name: &str) -> Problem {
    let name: String = name.chars().take(64).collect();
    Problem::new(Kind::NotFound, format!("There is nothing named {name:?} among the {kind}"))
}
