//! What a check has found.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::compare::Compatibility;
use crate::problem::Problem;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It must be mended: the check fails.
    Error,
    /// It is worth a look.
    Warning,
}

/// One thing that a check has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule that is broken, a word for tools.
    pub rule: String,
    /// The file, relative to the folder.
    pub file: String,
    /// JSON Pointer into the file.
    pub pointer: String,
    /// What is wrong and what to do.
    pub message: String,
    /// The event types that it concerns, where it is about more than the file's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// What a change does to readers and writers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compatibility: Option<Compatibility>,
    /// An event that one of the two schemas accepts and the other refuses.
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

/// What became of one event type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TypeChange {
    /// Its name: `unleash/feature-created`, or the file's path where there are no catalogs.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What all its changes come to.
    pub compatibility: Compatibility,
    /// Each of them.
    pub changes: Vec<Change>,
}

/// One change of a type's schema.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The rule's name: `enum-value-removed`.
    pub rule: String,
    /// What it does to readers and writers.
    pub compatibility: Compatibility,
    /// The file where it was made, relative to the folder.
    pub file: String,
    /// JSON Pointer into the file, as it is now; as it was, where it is gone.
    pub pointer: String,
    /// What was changed.
    pub message: String,
    /// An event that the old schema accepts and the new one refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by_new: Option<Value>,
    /// An event that the new schema accepts and the old one refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_by_old: Option<Value>,
}

/// What a check has found, all in all.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// The folder that the files' paths are relative to.
    #[serde(skip)]
    pub folder: PathBuf,
    /// How many schema files were read.
    pub files: usize,
    /// How many event types they describe.
    pub types: usize,
    /// How many examples were tried.
    pub examples: usize,
    /// How many samples that must be refused were tried.
    pub refused_samples: usize,
    /// What must be mended, or is worth a look.
    pub findings: Vec<Finding>,
    /// What has changed, where there was something to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<TypeChange>>,
}

impl Report {
    /// Whether nothing must be mended.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}
