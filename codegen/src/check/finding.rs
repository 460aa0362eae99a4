//! Findings of a check, and changes of event types.

use serde::Serialize;
use serde_json::Value;

use super::compare::Compatibility;
use crate::problem::Problem;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The check fails until the finding is fixed.
    Error,
    /// The finding should be reviewed.
    Warning,
}

/// A finding of a check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Severity of the finding.
    pub severity: Severity,
    /// Name of the broken rule, for tools.
    pub rule: String,
    /// Path of the file, relative to the folder.
    pub file: String,
    /// JSON Pointer into the file.
    pub pointer: String,
    /// Description of the problem and of its fix.
    pub message: String,
    /// Event types that the finding affects, if it affects more than the type of its file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Compatibility of the change that the finding is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<Compatibility>,
    /// Event that one version of the schema accepts and the other rejects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
}

impl Finding {
    pub(crate) fn error(
        rule: &str,
        file: impl Into<String>,
        pointer: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            rule: rule.to_owned(),
            file: file.into(),
            pointer: pointer.into(),
            message: message.into(),
            types: Vec::new(),
            compatibility: None,
            example: None,
        }
    }
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        Self::error(problem.rule, problem.file, problem.pointer, problem.message)
    }
}

/// All changes of an event type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TypeChange {
    /// Name such as `unleash/feature-created`, or the path of the file if there are no catalogs.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Compatibility of all changes together.
    pub compatibility: Compatibility,
    /// Changes of the type's schema.
    pub changes: Vec<Change>,
}

/// A change of an event type's schema.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Name of the rule, such as `enum-value-removed`.
    pub rule: String,
    /// Compatibility of this change.
    pub compatibility: Compatibility,
    /// Path of the changed file, relative to the folder.
    pub file: String,
    /// JSON Pointer into the new version of the file, or into the old version if it was removed.
    pub pointer: String,
    /// Description of the change.
    pub message: String,
    /// Event that the old schema accepts and the new one rejects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by_new: Option<Value>,
    /// Event that the new schema accepts and the old one rejects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by_old: Option<Value>,
}
