//! The names of sources, keys and targets, and the problems of what is sent to create them.

use events::Violation;
use serde_json::json;
use web::{Problem, ProblemType};

/// The most characters of a name.
pub(crate) const MAX: usize = 64;

/// What the name of a source or a key may be, as JSON Schema says it.
pub(crate) const PATTERN: &str = "^[A-Za-z0-9_-]{1,64}$";

/// What the name of a target may be, of up to [`MAX`] characters: as Migration Manager's may, it has dots inside, but
/// none that a path would lose (`.` and `..`).
pub(crate) const TARGET_PATTERN: &str = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$";

/// What is wrong with a body, collected so that its sender learns all of it at once.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<Violation>);

impl Violations {
    /// Adds what is wrong with one field; without a name, with the whole.
    pub(crate) fn add(&mut self, field: &str, keyword: &str, message: impl Into<String>) {
        let pointer = if field.is_empty() { String::new() } else { format!("/{field}") };
        self.0.push(Violation { pointer, keyword: keyword.to_owned(), message: message.into() });
    }

    /// Checks the name of a source or a key: it stands in paths, headers and logs.
    pub(crate) fn check_name(&mut self, name: &str) {
        if name.len() > MAX || !is_plain(name) {
            self.add("name", "pattern", format!("expected 1 to {MAX} letters, digits, `-` or `_`"));
        }
    }

    /// Checks the name of a target, which may have dots inside.
    pub(crate) fn check_target_name(&mut self, name: &str) {
        if name.len() > MAX || !name.split('.').all(is_plain) {
            let message = format!("expected 1 to {MAX} letters, digits, `-` or `_`, and single dots between them");
            self.add("name", "pattern", message);
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

    /// The problem of a body that does not read as what it is to be.
    pub(crate) fn into_unread(self, kind: &str) -> Problem {
        let places: Vec<String> = self.0.iter().map(|v| format!("{} {}", v.pointer, v.message)).collect();
        let detail = format!("The body does not read as {kind}: {}", places.join("; ").trim_start());
        Problem::new(ProblemType::BadRequest, detail).with("violations", json!(self.0))
    }

    /// The problem, where anything is wrong.
    pub(crate) fn into_result(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_problem()) }
    }

    /// The problem of all of it.
    pub(crate) fn into_problem(self) -> Problem {
        let fields: Vec<String> = self.0.iter().map(|v| format!("{} {}", v.pointer, v.message)).collect();
        Problem::new(ProblemType::ValidationFailed, fields.join("; ").trim_start()).with("violations", json!(self.0))
    }
}

fn is_plain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !name.is_empty() && name.bytes().all(allowed)
}

/// The problem of a name that nothing has.
pub(crate) fn not_found(kind: &str, name: &str) -> Problem {
    let name: String = name.chars().take(64).collect();
    Problem::new(ProblemType::NotFound, format!("There is nothing named {name:?} among the {kind}"))
}
