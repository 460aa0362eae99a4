//! The result of a check.

use std::path::PathBuf;

use serde::Serialize;

use super::finding::{Finding, Severity, TypeChange};

/// The result of a check.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Folder that the paths of files are relative to.
    #[serde(skip)]
    pub folder: PathBuf,
    /// Number of schema files.
    pub files: usize,
    /// Number of event types that the files describe.
    pub types: usize,
    /// Number of examples that were validated.
    pub examples: usize,
    /// Number of refused samples that were validated.
    pub refused_samples: usize,
    /// Errors and warnings.
    pub findings: Vec<Finding>,
    /// Changes since the baseline, if there was one to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<TypeChange>>,
}

impl Report {
    /// Returns whether the report has no errors.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}
