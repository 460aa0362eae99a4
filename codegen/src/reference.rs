//! Resolution of `$ref`.

use serde_json::Value;

use crate::json_pointer::{child_pointer, unescape_token};
use crate::schema_files::{SchemaFiles, resolve_path};

/// A schema that a reference leads to.
#[derive(Debug, Clone)]
pub(crate) struct ResolvedReference<'a> {
    /// Path of the file that contains the schema.
    pub(crate) file: String,
    /// JSON Pointer to the schema in that file.
    pub(crate) pointer: String,
    pub(crate) schema: &'a Value,
}

impl ResolvedReference<'_> {
    /// Returns a name for the schema: the last token of its pointer, or else the file's name. The name
    /// has no characters that a reference would have to escape.
    pub(crate) fn name(&self) -> String {
        let token = self.pointer.rsplit('/').next().filter(|token| !token.is_empty());
        let name = match token {
            Some(token) => unescape_token(token),
            None => self.file.rsplit('/').next().unwrap_or_default().trim_end_matches(".json").to_owned(),
        };
        let is_plain = |c: char| c.is_alphanumeric() && c.is_ascii() || ['-', '.', '_', ':'].contains(&c);
        name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
    }
}

/// Resolves `reference` in the file at `path`: a path relative to that file or an `$id`, with a JSON
/// Pointer or an `$anchor` as fragment.
pub(crate) fn resolve_reference<'a>(
    files: &'a SchemaFiles,
    path: &str,
    reference: &str,
) -> Option<ResolvedReference<'a>> {
    let (location, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let file = resolve_file(files, path, location)?;
    let root = files.get(&file)?;
    if fragment.is_empty() || fragment.starts_with('/') {
        let pointer = percent_decode(fragment)?;
        let schema = root.pointer(&pointer)?;
        return Some(ResolvedReference { file, pointer, schema });
    }
    let (pointer, schema) = find_anchor(root, fragment, String::new())?;
    Some(ResolvedReference { file, pointer, schema })
}

/// Returns the schema that `schema` refers to with a `$ref` into the same document, `root`.
#[cfg(feature = "check")]
pub(crate) fn local_reference<'a>(root: &'a Value, schema: &serde_json::Map<String, Value>) -> Option<&'a Value> {
    root.pointer(schema.get("$ref")?.as_str()?.strip_prefix('#')?)
}

/// Returns the path of the file that `location`, a reference in the file at `path`, names.
fn resolve_file(files: &SchemaFiles, path: &str, location: &str) -> Option<String> {
    let relative = resolve_path(path, location);
    if files.get(&relative).is_some() {
        return Some(relative);
    }
    let id = |schema: &Value| schema.get("$id").and_then(Value::as_str).map(|id| id.trim_end_matches('#').to_owned());
    let wanted_id = match location.contains("://") || location.starts_with("urn:") {
        true => location.to_owned(),
        // The location is relative to the `$id` of its file.
        false => {
            let base = files.get(path).and_then(id)?;
            let (scheme, rest) = base.split_once("://")?;
            format!("{scheme}://{}", resolve_path(rest, location))
        }
    };
    files.schemas().find(|(_, schema)| id(schema).is_some_and(|id| id == wanted_id)).map(|(path, _)| path.to_owned())
}

/// Finds the schema with the `$anchor` `name`, and its JSON Pointer.
fn find_anchor<'a>(schema: &'a Value, name: &str, at: String) -> Option<(String, &'a Value)> {
    match schema {
        Value::Object(object) => {
            if ["$anchor", "$dynamicAnchor"].iter().any(|key| object.get(*key).is_some_and(|anchor| anchor == name)) {
                return Some((at, schema));
            }
            object.iter().find_map(|(key, value)| find_anchor(value, name, child_pointer(&at, key)))
        }
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, value)| find_anchor(value, name, child_pointer(&at, index)))
        }
        _ => None,
    }
}

/// Decodes a URI fragment: `%24defs` is `$defs`. Returns `None` if it is not UTF-8.
fn percent_decode(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = || u8::from_str_radix(std::str::from_utf8(tail.get(..2)?).ok()?, 16).ok();
        match (first, hex()) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn references_resolve_by_path_id_pointer_and_anchor() {
        let files = SchemaFiles::parse(BTreeMap::from([
            (
                "a/one.json".to_owned(),
                r#"{"$id": "https://x.example/s/a/one.json", "$defs": {"A/b": {"$anchor": "here"}}}"#.to_owned(),
            ),
            ("two.json".to_owned(), r#"{"$id": "https://x.example/s/other", "$defs": {"T": {}}}"#.to_owned()),
        ]))
        .unwrap();
        for (reference, file, pointer) in [
            ("#/$defs/A~1b", "a/one.json", "/$defs/A~1b"),
            ("#/%24defs/A~1b", "a/one.json", "/$defs/A~1b"),
            ("#here", "a/one.json", "/$defs/A~1b"),
            ("#", "a/one.json", ""),
            ("../two.json#/$defs/T", "two.json", "/$defs/T"),
            ("../other#/$defs/T", "two.json", "/$defs/T"),
            ("https://x.example/s/other", "two.json", ""),
        ] {
            let found = resolve_reference(&files, "a/one.json", reference).unwrap_or_else(|| panic!("{reference}"));
            assert_eq!((found.file.as_str(), found.pointer.as_str()), (file, pointer), "{reference}");
        }
        assert!(resolve_reference(&files, "a/one.json", "three.json").is_none());
        assert!(resolve_reference(&files, "a/one.json", "#nowhere").is_none());
    }
}
