//! Validation of names, and the violations of request bodies.

use events::Violation;
use serde_json::json;
use web::{Problem, ProblemType};

/// Maximum characters of a name.
pub(crate) const MAX_NAME_CHARS: usize = 64;

/// Names of sources and keys, as a JSON Schema pattern.
pub(crate) const NAME_PATTERN: &str = "^[A-Za-z0-9_-]{1,64}$";

/// Names of targets, as a JSON Schema pattern, with at most [`MAX_NAME_CHARS`] characters. Single dots are allowed inside, as in
/// Migration Manager. `.` and `..` are not names, because URL parsers remove them from paths.
pub(crate) const TARGET_NAME_PATTERN: &str = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$";

/// Violations of a request body. They are collected, so that one response lists all of them.
#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<Violation>);

impl Violations {
    /// Adds a violation of a field, or of the whole body if `field` is empty.
    pub(crate) fn add(&mut self, field: &str, keyword: &str, message: impl Into<String>) {
        let pointer = if field.is_empty() { String::new() } else { format!("/{field}") };
        self.0.push(Violation { pointer, keyword: keyword.to_owned(), message: message.into() });
    }

    /// Checks the name of a source or a key. Names are used in paths, headers and logs.
    pub(crate) fn check_name(&mut self, name: &str) {
        if name.len() > MAX_NAME_CHARS || !is_plain(name) {
            self.add("name", "pattern", format!("expected 1 to {MAX_NAME_CHARS} letters, digits, `-` or `_`"));
        }
    }

    /// Checks the name of a target, which may contain single dots.
    pub(crate) fn check_target_name(&mut self, name: &str) {
        if name.len() > MAX_NAME_CHARS || !name.split('.').all(is_plain) {
            let message =
                format!("expected 1 to {MAX_NAME_CHARS} letters, digits, `-` or `_`, and single dots between them");
            self.add("name", "pattern", message);
        }
    }

    /// Returns `true` if there are no violations.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the violations of one of several bodies.
    pub(crate) fn extend(&mut self, place: &str, others: Self) {
        let moved = |other: Violation| Violation { pointer: format!("/{place}{}", other.pointer), ..other };
        self.0.extend(others.0.into_iter().map(moved));
    }

    /// Returns the problem of a body that cannot be parsed. `kind` is the expected content: `a target`.
    pub(crate) fn into_unread(self, kind: &str) -> Problem {
        let places: Vec<String> = self.0.iter().map(|v| format!("{} {}", v.pointer, v.message)).collect();
        let detail = format!("The body does not read as {kind}: {}", places.join("; ").trim_start());
        Problem::new(ProblemType::BadRequest, detail).with("violations", json!(self.0))
    }

    /// Returns the problem if there are violations.
    pub(crate) fn into_result(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_problem()) }
    }

    /// Returns the problem of all violations.
    pub(crate) fn into_problem(self) -> Problem {
        let fields: Vec<String> = self.0.iter().map(|v| format!("{} {}", v.pointer, v.message)).collect();
        Problem::new(ProblemType::ValidationFailed, fields.join("; ").trim_start()).with("violations", json!(self.0))
    }
}

fn is_plain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !name.is_empty() && name.bytes().all(allowed)
}

/// Returns the problem of a name that does not exist.
pub(crate) fn not_found(kind: &str, name: &str) -> Problem {
    let name: String = name.chars().take(64).collect();
    Problem::new(ProblemType::NotFound, format!("There is nothing named {name:?} among the {kind}"))
}
