//! One schema with everything it refers to inside, so that it stands alone.

use serde_json::{Map, Value};

use crate::dialect::target;
use crate::files::Files;
use crate::problem::Problem;

/// `schema`, whose references are relative to the file `path`, with `$defs` for all that it
/// refers to, near or far, and references that lead there.
///
/// Definitions keep their names, so two of one name in different files are a problem.
pub(crate) fn bundle(files: &Files, path: &str, schema: &Value) -> Result<Value, Problem> {
    let mut bundle = Bundle { files, defs: Vec::new() };
    let mut schema = bundle.rewrite(path, schema)?;
    // Definitions refer to definitions: the list grows while it is walked.
    let mut index = 0;
    while index < bundle.defs.len() {
        let (file, name, _) = bundle.defs[index].clone();
        if let Some((_, _, found)) = target(files, &file, &format!("#/$defs/{name}")) {
            bundle.defs[index].2 = bundle.rewrite(&file, found)?;
        }
        index += 1;
    }
    let Value::Object(root) = &mut schema else {
        return Ok(schema);
    };
    if !bundle.defs.is_empty() {
        let defs = root.entry("$defs").or_insert_with(|| Value::Object(Map::new()));
        for (_, name, schema) in bundle.defs {
            defs[name] = schema;
        }
    }
    // Examples read best last.
    if let Some(examples) = root.shift_remove("examples") {
        root.insert("examples".to_owned(), examples);
    }
    Ok(schema)
}

struct Bundle<'a> {
    files: &'a Files,
    /// File, name and rewritten schema of each definition.
    defs: Vec<(String, String, Value)>,
}

impl Bundle<'_> {
    fn rewrite(&mut self, path: &str, schema: &Value) -> Result<Value, Problem> {
        Ok(match schema {
            Value::Object(object) => {
                let mut rewritten = Map::new();
                for (key, value) in object {
                    let value = match (key.as_str(), value) {
                        ("$ref", Value::String(reference)) => self.reference(path, reference)?.into(),
                        // Data, in which a `$ref` is only a field.
                        ("examples" | "const" | "enum", value) => value.clone(),
                        (_, value) => self.rewrite(path, value)?,
                    };
                    rewritten.insert(key.clone(), value);
                }
                Value::Object(rewritten)
            }
            Value::Array(items) => items.iter().map(|item| self.rewrite(path, item)).collect::<Result<_, _>>()?,
            other => other.clone(),
        })
    }

    fn reference(&mut self, path: &str, reference: &str) -> Result<String, Problem> {
        let Some((file, name, _)) = target(self.files, path, reference) else {
            return Err(Problem::new(path, "", format!("`{reference}` leads nowhere")));
        };
        match self.defs.iter().find(|(_, known, _)| known == name) {
            Some((known, _, _)) if *known != file => Err(Problem::new(
                &file,
                format!("/$defs/{name}"),
                format!("{known} has a definition of this name too: rename one"),
            )),
            known => {
                if known.is_none() {
                    self.defs.push((file, name.to_owned(), Value::Null));
                }
                Ok(format!("#/$defs/{name}"))
            }
        }
    }
}
