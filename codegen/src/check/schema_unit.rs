//! Schema units: the self-contained schemas that describe events or messages.

use serde_json::Value;

use crate::bundle::{Bundle, Origin, bundle};
use crate::json_pointer::child_pointer;
use crate::keyword::is_library;
use crate::problem::Problem;
use crate::schema_files::SchemaFiles;

/// A self-contained schema: of an event type, a catalog's base, a plain file, or an API message.
#[derive(Debug, Clone)]
pub(super) struct SchemaUnit {
    /// Name such as `unleash/feature-created`, or the path of the file if there are no catalogs.
    pub(super) name: String,
    /// Path of the file.
    pub(super) path: String,
    /// JSON Pointer to the schema in its file.
    pub(super) root: String,
    /// The schema, with everything that it refers to in `$defs`.
    pub(super) schema: Value,
    /// Sources of the definitions in `$defs`.
    pub(super) origins: Vec<Origin>,
}

impl SchemaUnit {
    /// Returns the file and the JSON Pointer into it from which the value at `pointer` comes.
    pub(super) fn origin(&self, pointer: &str) -> (String, String) {
        for origin in &self.origins {
            let at = child_pointer("/$defs", &origin.name);
            if let Some(rest) = pointer.strip_prefix(&at).filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                return (origin.file.clone(), format!("{}{rest}", origin.pointer));
            }
        }
        (self.path.clone(), format!("{}{pointer}", self.root))
    }
}

/// The units of a folder.
#[derive(Debug, Default)]
pub(super) struct SchemaUnits {
    pub(super) units: Vec<SchemaUnit>,
    /// Problems of the files that cannot be bundled. Lint reports them too.
    pub(super) unreadable: Vec<Problem>,
}

/// Returns every unit of a folder.
pub(super) fn schema_units(files: &SchemaFiles) -> SchemaUnits {
    let has_catalogs = files.has_catalogs();
    let mut found = SchemaUnits::default();
    for (path, schema) in files.schemas().filter(|(_, schema)| !is_library(schema)) {
        match bundle(files, path, schema) {
            Ok(Bundle { schema, origins }) => {
                let name = if has_catalogs { path.trim_end_matches(".json") } else { path };
                let (name, path) = (name.to_owned(), path.to_owned());
                found.units.push(SchemaUnit { name, path, root: String::new(), schema, origins });
            }
            Err(problem) => found.unreadable.push(Problem { file: path.to_owned(), ..problem }),
        }
    }
    found
}
