//! Checks of a schemas folder, for CI.

mod baseline;
mod changes;
pub mod cli;
mod compare;
mod docs;
mod finding;
mod lines;
mod lint;
mod openapi;
mod print;
mod round_trip;
mod sample;
mod samples;
mod units;

use std::path::{Path, PathBuf};

use jsonschema::canonical::{self, CanonicalSchema};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

pub use compare::Compatibility;
pub use finding::{Change, Finding, Report, Severity, TypeChange};
pub use sample::Sampler;

use crate::files::Files;
use crate::problem::Problems;
use crate::rules::Level;

/// What to check, beyond the schemas themselves.
#[derive(Debug, Clone, Default)]
pub struct Options<'a> {
    /// What to compare with: a folder, or a git revision.
    pub against: Option<&'a str>,
    /// Which changes are allowed, whatever the catalogs say.
    pub level: Option<Level>,
    /// Whether all strings and arrays must have an upper bound, whatever the catalogs say.
    pub bounded: bool,
}

/// Checks the schemas in `folder`: the folder of all catalogs, of one, or any folder with schemas. A
/// file is an OpenAPI document, which is compared with another one.
///
/// `Err` where the check could not be made, with what to do about it.
pub fn check(folder: &Path, options: &Options<'_>) -> Result<Report, String> {
    if folder.is_file() {
        return openapi::check(folder, options.against);
    }
    if !folder.is_dir() {
        return Err(format!("{} is no folder: give the one that holds the schemas", folder.display()));
    }
    let (folder, catalog) = whole(folder)?;
    let folder = folder.as_path();
    let ours = |files: Files| match &catalog {
        Some(name) => files.only(|path| path.starts_with(&format!("{name}/")) || path.starts_with("common/")),
        None => files,
    };
    let files = match Files::read(folder).map(ours) {
        Ok(files) => files,
        // Files that are no JSON are findings; nothing else can be said of the rest.
        Err(problems) => {
            let findings = problems.0.into_iter().map(Finding::from).collect();
            return Ok(Report { folder: folder.to_owned(), findings, ..Report::default() });
        }
    };
    if files.schemas().next().is_none() {
        return Err(format!("there are no schemas in {}: no file there ends in .json", folder.display()));
    }
    let mut report = lint::lint(&files, options.bounded);
    folder.clone_into(&mut report.folder);
    if let Some(against) = options.against {
        let old = match Path::new(against).is_dir() {
            true => other(Path::new(against), catalog.as_deref())?,
            false => ours(baseline::at_revision(folder, against)?.unwrap_or_default()),
        };
        let (changes, findings) = changes::changes(&old, &files, options.level);
        report.changes = Some(changes);
        report.findings.extend(findings);
    }
    report.findings.sort_by(|a, b| (&a.file, &a.pointer, &a.rule).cmp(&(&b.file, &b.pointer, &b.rule)));
    report.findings.dedup();
    Ok(report)
}

/// The files of another folder; those of one catalog get the name that it has here.
fn other(folder: &Path, name: Option<&str>) -> Result<Files, String> {
    let unreadable = |problems: Problems| format!("{}: {problems}", folder.display());
    let (root, catalog) = whole(folder)?;
    let files = Files::read(&root).map_err(unreadable)?;
    Ok(match (catalog, name) {
        (Some(theirs), Some(ours)) => files.moved(&theirs, ours),
        _ => files,
    })
}

/// The folder to read for `folder`, and which catalog of it is meant. One catalog by itself may
/// refer to what stands beside it.
fn whole(folder: &Path) -> Result<(PathBuf, Option<String>), String> {
    if !folder.join("catalog.json").is_file() {
        return Ok((folder.to_owned(), None));
    }
    let whole = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    match (whole.parent(), whole.file_name()) {
        (Some(parent), Some(name)) => Ok((parent.to_owned(), Some(name.to_string_lossy().into_owned()))),
        _ => Err(format!("{} must be in a folder of its own", folder.display())),
    }
}

/// The set of values that `schema`, which stands alone, accepts, as far as it can be told.
fn canonical(schema: &Value) -> Option<CanonicalSchema> {
    canonical::options().offline().should_validate_formats(true).canonicalize(schema).ok()
}

/// `text`, cut after so many characters.
fn cut(text: String, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What decides on instances of `schema`, which stands alone. Formats count.
pub fn validator(schema: &Value) -> Result<Validator, ValidationError<'static>> {
    jsonschema::options().offline().should_validate_formats(true).build(schema)
}
