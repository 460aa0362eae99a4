//! Where a `$ref` leads.

use serde_json::Value;

use crate::files::{Files, resolve};

/// A schema that a reference means.
#[derive(Debug, Clone)]
pub(crate) struct Target<'a> {
    /// The file that it stands in.
    pub(crate) file: String,
    /// JSON Pointer to it in that file.
    pub(crate) pointer: String,
    pub(crate) schema: &'a Value,
}

impl Target<'_> {
    /// What to call it: the last step of its pointer, or the file's name.
    pub(crate) fn name(&self) -> &str {
        let step = self.pointer.rsplit('/').next().filter(|step| !step.is_empty());
        step.unwrap_or_else(|| self.file.rsplit('/').next().unwrap_or_default().trim_end_matches(".json"))
    }
}

/// What `reference` means in the file at `path`: a path relative to that file, or an `$id`, with a
/// JSON Pointer or an `$anchor`.
pub(crate) fn target<'a>(files: &'a Files, path: &str, reference: &str) -> Option<Target<'a>> {
    let (location, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let file = file(files, path, location)?;
    let root = files.get(&file)?;
    if fragment.is_empty() || fragment.starts_with('/') {
        let pointer = percent_decoded(fragment)?;
        let schema = root.pointer(&pointer)?;
        return Some(Target { file, pointer, schema });
    }
    let (pointer, schema) = anchored(root, fragment, String::new())?;
    Some(Target { file, pointer, schema })
}

/// The file that `location`, found in the file at `path`, names.
fn file(files: &Files, path: &str, location: &str) -> Option<String> {
    let near = resolve(path, location);
    if files.get(&near).is_some() {
        return Some(near);
    }
    let id = |schema: &Value| schema.get("$id").and_then(Value::as_str).map(|id| id.trim_end_matches('#').to_owned());
    let wanted = match location.contains("://") || location.starts_with("urn:") {
        true => location.to_owned(),
        // Relative to the file's own address.
        false => {
            let base = files.get(path).and_then(id)?;
            let (scheme, rest) = base.split_once("://")?;
            format!("{scheme}://{}", resolve(rest, location))
        }
    };
    files.schemas().find(|(_, schema)| id(schema).is_some_and(|id| id == wanted)).map(|(path, _)| path.to_owned())
}

/// The schema with that `$anchor`.
fn anchored<'a>(schema: &'a Value, name: &str, at: String) -> Option<(String, &'a Value)> {
    match schema {
        Value::Object(object) => {
            if ["$anchor", "$dynamicAnchor"].iter().any(|key| object.get(*key).is_some_and(|anchor| anchor == name)) {
                return Some((at, schema));
            }
            object.iter().find_map(|(key, value)| anchored(value, name, crate::problem::step(&at, key)))
        }
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, value)| anchored(value, name, crate::problem::step(&at, index)))
        }
        _ => None,
    }
}

/// A URI's fragment as text: `%24defs` is `$defs`. `None` where it is no UTF-8.
fn percent_decoded(fragment: &str) -> Option<String> {
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
    fn references_of_every_kind() {
        let files = Files::parse(BTreeMap::from([
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
            let found = target(&files, "a/one.json", reference).unwrap_or_else(|| panic!("{reference}"));
            assert_eq!((found.file.as_str(), found.pointer.as_str()), (file, pointer), "{reference}");
        }
        assert!(target(&files, "a/one.json", "three.json").is_none());
        assert!(target(&files, "a/one.json", "#nowhere").is_none());
    }
}
