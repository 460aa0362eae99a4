//! One schema with everything it refers to inside, so that it stands alone.

use serde_json::{Map, Value};

use crate::dialect::{DATA, NAMED};
use crate::files::Files;
use crate::problem::{Problem, step};
use crate::reference::target;

/// A schema that stands alone.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    pub(crate) schema: Value,
    /// Where each of its definitions comes from.
    pub(crate) origins: Vec<Origin>,
}

/// Where a definition comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Its name in the bundle's `$defs`.
    pub(crate) name: String,
    pub(crate) file: String,
    /// JSON Pointer in that file.
    pub(crate) pointer: String,
}

/// `schema`, whose references are relative to the file `path`, with `$defs` for all that it
/// refers to, near or far, and references that lead there.
///
/// Definitions keep their names; of two with one name, the second gets a number.
pub(crate) fn bundle(files: &Files, path: &str, schema: &Value) -> Result<Bundle, Problem> {
    let mut bundler = Bundler { files, origins: Vec::new() };
    let mut schema = bundler.rewrite(path, schema, "")?;
    let mut defs = Map::new();
    // Definitions refer to definitions: the list grows while it is walked.
    while let Some(Origin { name, file, pointer }) = bundler.origins.get(defs.len()).cloned() {
        let found = files.get(&file).and_then(|root| root.pointer(&pointer)).unwrap_or(&Value::Null);
        let mut definition = bundler.rewrite(&file, found, &pointer)?;
        // A whole file, perhaps, with an address of its own: here it has none.
        if let Value::Object(definition) = &mut definition {
            for keyword in ["$id", "$schema", "$defs", "examples"] {
                definition.shift_remove(keyword);
            }
        }
        defs.insert(name, definition);
    }
    if let Value::Object(root) = &mut schema {
        root.shift_remove("$defs");
        if !defs.is_empty() {
            root.insert("$defs".to_owned(), Value::Object(defs));
        }
        // Examples read best last.
        if let Some(examples) = root.shift_remove("examples") {
            root.insert("examples".to_owned(), examples);
        }
    }
    Ok(Bundle { schema, origins: bundler.origins })
}

/// The same, for Rust types: two definitions of one name would be one type.
pub(crate) fn bundle_types(files: &Files, path: &str, schema: &Value) -> Result<Value, Problem> {
    let Bundle { schema, origins } = bundle(files, path, schema)?;
    for origin in &origins {
        let name = origin.pointer.trim_start_matches("/$defs/");
        if let Some(other) = origins.iter().find(|other| other.name == name && **other != *origin) {
            let message = format!("{} has a definition of this name too: rename one", other.file);
            return Err(Problem::new("name", &origin.file, &origin.pointer, message));
        }
    }
    Ok(schema)
}

struct Bundler<'a> {
    files: &'a Files,
    origins: Vec<Origin>,
}

impl Bundler<'_> {
    fn rewrite(&mut self, path: &str, schema: &Value, pointer: &str) -> Result<Value, Problem> {
        Ok(match schema {
            Value::Object(object) => {
                let mut rewritten = Map::new();
                for (key, value) in object {
                    let at = step(pointer, key);
                    let value = match (key.as_str(), value) {
                        ("$ref", Value::String(reference)) => self.reference(path, reference, &at)?.into(),
                        (key, value) if DATA.contains(&key) => value.clone(),
                        // Where references go through these, they have been followed.
                        ("$anchor" | "$dynamicAnchor", Value::String(_)) => continue,
                        ("$id", Value::String(_)) if !pointer.is_empty() => continue,
                        // Names, which may be any word, and a schema for each.
                        (key, Value::Object(named)) if NAMED.contains(&key) => {
                            let named = named.iter();
                            named
                                .map(|(name, value)| Ok((name.clone(), self.rewrite(path, value, &step(&at, name))?)))
                                .collect::<Result<Map<_, _>, Problem>>()?
                                .into()
                        }
                        (_, value) => self.rewrite(path, value, &at)?,
                    };
                    rewritten.insert(key.clone(), value);
                }
                Value::Object(rewritten)
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.map(|(index, item)| self.rewrite(path, item, &step(pointer, index))).collect::<Result<_, _>>()?
            }
            other => other.clone(),
        })
    }

    fn reference(&mut self, path: &str, reference: &str, at: &str) -> Result<String, Problem> {
        // The meta-schemas are known to every validator.
        if reference.starts_with("https://json-schema.org/") {
            return Ok(reference.to_owned());
        }
        let Some(found) = target(self.files, path, reference) else {
            return Err(Problem::new("reference", path, at, format!("`{reference}` leads nowhere")));
        };
        let known = self.origins.iter().find(|known| known.file == found.file && known.pointer == found.pointer);
        let name = match known {
            Some(known) => known.name.clone(),
            None => {
                let name = self.free_name(found.name());
                self.origins.push(Origin { name: name.clone(), file: found.file, pointer: found.pointer });
                name
            }
        };
        Ok(format!("#{}", step("/$defs", name)))
    }

    fn free_name(&self, wanted: &str) -> String {
        let taken = |name: &str| self.origins.iter().any(|known| known.name == name);
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        std::iter::once(wanted.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }
}
