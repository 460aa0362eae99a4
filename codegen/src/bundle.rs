//! Bundling: a self-contained schema made of a schema and everything that it refers to.

use serde_json::{Map, Value};

use crate::json_pointer::child_pointer;
use crate::keyword::{DATA_KEYWORDS, MAP_KEYWORDS};
use crate::problem::Problem;
use crate::reference::resolve_reference;
use crate::schema_files::SchemaFiles;

/// A self-contained schema.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    pub(crate) schema: Value,
    /// Sources of the definitions in `$defs`.
    pub(crate) origins: Vec<Origin>,
}

/// The source of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Name of the definition in the bundle's `$defs`.
    pub(crate) name: String,
    /// Path of the file that the definition comes from.
    pub(crate) file: String,
    /// JSON Pointer into that file.
    pub(crate) pointer: String,
}

/// Bundles `schema`, whose references are relative to the file `path`: everything that it refers to,
/// directly or indirectly, is copied into `$defs`, and the references lead there.
///
/// Definitions keep their names; if two have the same name, the second gets a number.
pub(crate) fn bundle(files: &SchemaFiles, path: &str, schema: &Value) -> Result<Bundle, Problem> {
    let mut bundler = Bundler { files, origins: Vec::new() };
    let mut schema = bundler.rewrite(path, schema, "")?;
    let mut defs = Map::new();
    // Definitions refer to other definitions, so the list grows during the loop.
    while let Some(Origin { name, file, pointer }) = bundler.origins.get(defs.len()).cloned() {
        let found = files.get(&file).and_then(|root| root.pointer(&pointer)).unwrap_or(&Value::Null);
        let mut definition = bundler.rewrite(&file, found, &pointer)?;
        // A definition may be a whole file; the keywords of a file do not apply to a definition.
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
        // Examples come last, for readability.
        if let Some(examples) = root.shift_remove("examples") {
            root.insert("examples".to_owned(), examples);
        }
    }
    Ok(Bundle { schema, origins: bundler.origins })
}

/// Bundles `schema` for Rust types, where two definitions of the same name would be the same type.
pub(crate) fn bundle_for_types(files: &SchemaFiles, path: &str, schema: &Value) -> Result<Value, Problem> {
    let Bundle { schema, origins } = bundle(files, path, schema)?;
    for origin in &origins {
        let name = origin.name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
        let has_number = name.len() < origin.name.len() && !origin.pointer.ends_with(&origin.name);
        if let Some(other) = origins.iter().find(|other| has_number && other.name == name && **other != *origin) {
            let message = format!("{} also defines this name: rename one of the two", other.file);
            return Err(Problem::new("name", &origin.file, &origin.pointer, message));
        }
    }
    Ok(schema)
}

struct Bundler<'a> {
    files: &'a SchemaFiles,
    origins: Vec<Origin>,
}

impl Bundler<'_> {
    fn rewrite(&mut self, path: &str, schema: &Value, pointer: &str) -> Result<Value, Problem> {
        Ok(match schema {
            Value::Object(object) => {
                let mut rewritten = Map::new();
                for (key, value) in object {
                    let at = child_pointer(pointer, key);
                    let value = match (key.as_str(), value) {
                        ("$ref", Value::String(reference)) => self.rewrite_reference(path, reference, &at)?.into(),
                        ("$dynamicRef", Value::String(reference)) => {
                            let reference = self.rewrite_dynamic_reference(path, object, reference, &at)?;
                            rewritten.insert("$ref".to_owned(), reference.into());
                            continue;
                        }
                        (key, value) if DATA_KEYWORDS.contains(&key) => value.clone(),
                        // References through these keywords are resolved already.
                        ("$anchor" | "$dynamicAnchor", Value::String(_)) => continue,
                        ("$id", Value::String(_)) if !pointer.is_empty() => continue,
                        // The keys of these objects are names, not keywords.
                        (key, Value::Object(named)) if MAP_KEYWORDS.contains(&key) => {
                            let named = named.iter();
                            named
                                .map(|(name, value)| {
                                    Ok((name.clone(), self.rewrite(path, value, &child_pointer(&at, name))?))
                                })
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
                items
                    .map(|(index, item)| self.rewrite(path, item, &child_pointer(pointer, index)))
                    .collect::<Result<_, _>>()?
            }
            other => other.clone(),
        })
    }

    /// Returns the bundle's own reference for `reference`, and registers its definition.
    fn rewrite_reference(&mut self, path: &str, reference: &str, at: &str) -> Result<String, Problem> {
        // Every validator includes the meta-schemas.
        if reference.starts_with("https://json-schema.org/") {
            return Ok(reference.to_owned());
        }
        let Some(found) = resolve_reference(self.files, path, reference) else {
            return Err(Problem::new("reference", path, at, format!("`{reference}` cannot be resolved")));
        };
        let known = self.origins.iter().find(|known| known.file == found.file && known.pointer == found.pointer);
        let name = match known {
            Some(known) => known.name.clone(),
            None => {
                let name = self.unused_name(&found.name());
                self.origins.push(Origin { name: name.clone(), file: found.file, pointer: found.pointer });
                name
            }
        };
        Ok(format!("#{}", child_pointer("/$defs", name)))
    }

    /// Returns a static reference for a `$dynamicRef`. The two are the same as long as the anchor exists
    /// once.
    fn rewrite_dynamic_reference(
        &mut self,
        path: &str,
        schema: &Map<String, Value>,
        reference: &str,
        at: &str,
    ) -> Result<String, Problem> {
        let anchor = reference.rsplit('#').next().unwrap_or_default();
        let anchors: usize = self.files.schemas().map(|(_, schema)| count_dynamic_anchors(schema, anchor)).sum();
        if anchors > 1 || schema.contains_key("$ref") {
            let message = format!("`{reference}` may lead to several schemas, which is not supported: use $ref");
            return Err(Problem::new("reference", path, at, message));
        }
        self.rewrite_reference(path, reference, at)
    }

    fn unused_name(&self, preferred: &str) -> String {
        let is_used = |name: &str| self.origins.iter().any(|known| known.name == name);
        let numbered = (2..).map(|number| format!("{preferred}-{number}"));
        std::iter::once(preferred.to_owned()).chain(numbered).find(|name| !is_used(name)).unwrap_or_default()
    }
}

/// Returns how many schemas in `schema` have the `$dynamicAnchor` `name`.
fn count_dynamic_anchors(schema: &Value, name: &str) -> usize {
    match schema {
        Value::Object(object) => {
            let own = usize::from(object.get("$dynamicAnchor").is_some_and(|anchor| anchor == name));
            own + object.values().map(|value| count_dynamic_anchors(value, name)).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(|item| count_dynamic_anchors(item, name)).sum(),
        _ => 0,
    }
}
