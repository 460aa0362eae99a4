//! The check of a folder of schemas: lint, samples, and changes since a baseline.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::report::Report;
use super::{git_revision, lint, openapi, type_changes};
use crate::catalog_file::CompatibilityLevel;
use crate::problem::Problems;
use crate::schema_files::SchemaFiles;

/// Options of a check.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions<'a> {
    /// Baseline to compare with: a folder or a Git revision.
    pub against: Option<&'a str>,
    /// Required compatibility, which overrides that of the catalogs.
    pub level: Option<CompatibilityLevel>,
    /// If true, all strings and arrays must have an upper bound, whatever the catalogs say.
    pub bounded: bool,
}

/// Checks the schemas in `folder`: the folder of all catalogs, the folder of one catalog, or any
/// folder of schemas. If `folder` is a file, it is checked as an OpenAPI document.
///
/// # Errors
///
/// Returns the reason why the check could not run, and what to do about it.
pub fn check_schemas(folder: &Path, options: &CheckOptions<'_>) -> Result<Report, String> {
    if folder.is_file() {
        return openapi::check_document(folder, options.against);
    }
    if !folder.is_dir() {
        return Err(format!("{} is not a folder: pass the folder of the schemas", folder.display()));
    }
    let (folder, catalog) = schemas_root(folder)?;
    let folder = folder.as_path();
    let select = |files: SchemaFiles| match &catalog {
        Some(name) => files.retain(|path| path.starts_with(&format!("{name}/")) || path.starts_with("common/")),
        None => files,
    };
    let files = match SchemaFiles::read(folder).map(select) {
        Ok(files) => files,
        // The rest of the folder cannot be checked until every file is valid JSON.
        Err(problems) => {
            let findings = problems.0.into_iter().map(Finding::from).collect();
            return Ok(Report { folder: folder.to_owned(), findings, ..Report::default() });
        }
    };
    if files.schemas().next().is_none() {
        return Err(format!("{} contains no schemas: no file in it ends in .json", folder.display()));
    }
    let mut report = lint::lint(&files, options.bounded);
    folder.clone_into(&mut report.folder);
    if let Some(against) = options.against {
        let old = match Path::new(against).is_dir() {
            true => read_baseline_folder(Path::new(against), catalog.as_deref())?,
            false => select(git_revision::read_folder(folder, against)?.unwrap_or_default()),
        };
        let (changes, findings) = type_changes::compare_folders(&old, &files, options.level);
        report.changes = Some(changes);
        report.findings.extend(findings);
    }
    report.findings.sort_by(|a, b| (&a.file, &a.pointer, &a.rule).cmp(&(&b.file, &b.pointer, &b.rule)));
    report.findings.dedup();
    Ok(report)
}

/// Reads the baseline from another folder. If it is a single catalog, the catalog is renamed to
/// `catalog`, so that the two can be compared.
fn read_baseline_folder(folder: &Path, catalog: Option<&str>) -> Result<SchemaFiles, String> {
    let unreadable = |problems: Problems| format!("{}: {problems}", folder.display());
    let (root, baseline_catalog) = schemas_root(folder)?;
    let files = SchemaFiles::read(&root).map_err(unreadable)?;
    Ok(match (baseline_catalog, catalog) {
        (Some(from), Some(to)) => files.rename_catalog(&from, to),
        _ => files,
    })
}

/// Returns the schemas folder to read for `folder`, and the name of the catalog if `folder` is a
/// single one. A catalog may refer to its sibling `common`, so its parent is read.
fn schemas_root(folder: &Path) -> Result<(PathBuf, Option<String>), String> {
    if !folder.join("catalog.json").is_file() {
        return Ok((folder.to_owned(), None));
    }
    let folder = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    match (folder.parent(), folder.file_name()) {
        (Some(parent), Some(name)) => Ok((parent.to_owned(), Some(name.to_string_lossy().into_owned()))),
        _ => Err(format!("{} must be a subfolder of a schemas folder", folder.display())),
    }
}
