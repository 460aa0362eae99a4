//! The schemas that describe something that is sent, each standing alone.

use serde_json::Value;

use crate::bundle::{Bundle, Origin, bundle};
use crate::files::Files;
use crate::merge::is_remark;
use crate::problem::step;

/// One such schema: an event type's, a catalog's base, or any file's.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    /// `unleash/feature-created`, or the file's path where there are no catalogs.
    pub(super) name: String,
    /// Its file.
    pub(super) path: String,
    /// Where it stands in its file: JSON Pointer.
    pub(super) root: String,
    /// The schema, with all that it refers to.
    pub(super) schema: Value,
    pub(super) origins: Vec<Origin>,
}

impl Unit {
    /// The file, and the place in it, that `pointer` into the schema means.
    pub(super) fn origin(&self, pointer: &str) -> (String, String) {
        for origin in &self.origins {
            let at = step("/$defs", &origin.name);
            if let Some(rest) = pointer.strip_prefix(&at).filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                return (origin.file.clone(), format!("{}{rest}", origin.pointer));
            }
        }
        (self.path.clone(), format!("{}{pointer}", self.root))
    }
}

/// Every unit of a folder. Files that cannot be bundled are left out: the lint has said why.
pub(super) fn units(files: &Files) -> Vec<Unit> {
    let catalogs = files.has_catalogs();
    let schemas = files.schemas().filter(|(_, schema)| !is_library(schema));
    let units = schemas.filter_map(|(path, schema)| {
        let Bundle { schema, origins } = bundle(files, path, schema).ok()?;
        let name = if catalogs { path.trim_end_matches(".json") } else { path };
        Some(Unit { name: name.to_owned(), path: path.to_owned(), root: String::new(), schema, origins })
    });
    units.collect()
}

/// Whether a file only holds definitions for others.
pub(super) fn is_library(schema: &Value) -> bool {
    let says_nothing = |key: &str| is_remark(key) || ["$anchor", "$defs"].contains(&key);
    schema.as_object().is_some_and(|schema| schema.contains_key("$defs") && schema.keys().all(|key| says_nothing(key)))
}
