//! The schemas folder, read into memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::problem::{Problem, Problems};

/// Files of a catalog's folder that are no event type.
const RESERVED: [&str; 3] = ["base", "catalog", "defs"];

/// Every JSON file under the schemas folder, by its path relative to it: `unleash/base.json`.
#[derive(Debug)]
pub(crate) struct Files(BTreeMap<String, Value>);

impl Files {
    /// Reads `root`'s folders, one level deep.
    pub(crate) fn read(root: &Path) -> Result<Self, Problems> {
        let mut files = BTreeMap::new();
        for folder in names(root, "")? {
            if !root.join(&folder).is_dir() {
                continue;
            }
            for name in names(&root.join(&folder), &folder)? {
                let stem = name.strip_suffix(".json");
                if stem.is_none_or(|stem| stem.ends_with(".refused")) {
                    continue;
                }
                let path = format!("{folder}/{name}");
                let text = fs::read_to_string(root.join(&path)).map_err(|e| unreadable(&path, &e))?;
                let json =
                    serde_json::from_str(&text).map_err(|e| Problem::new(&path, "", format!("not JSON: {e}")))?;
                files.insert(path, json);
            }
        }
        Ok(Self(files))
    }

    /// The folders that are catalogs: all but `common`.
    pub(crate) fn catalogs(&self) -> Result<Vec<&str>, Problems> {
        let folders = self.0.keys().filter_map(|path| Some(path.split_once('/')?.0));
        let mut folders: Vec<_> = folders.filter(|folder| *folder != "common").collect();
        folders.dedup();
        let mut problems = Vec::new();
        for folder in &folders {
            for (name, what) in [
                ("catalog.json", "which says how to read its events"),
                ("base.json", "the schema of what its events have in common"),
            ] {
                let path = format!("{folder}/{name}");
                if !self.0.contains_key(&path) {
                    let message = format!("every folder but `common` is a catalog and needs this file, {what}");
                    problems.push(Problem::new(path, "", message));
                }
            }
        }
        Problems::check(problems)?;
        Ok(folders)
    }

    /// The names of a catalog's event types, sorted.
    pub(crate) fn types<'a>(&'a self, catalog: &str) -> Vec<&'a str> {
        let folder = format!("{catalog}/");
        let names = self.0.keys().filter_map(|path| path.strip_prefix(&folder)?.strip_suffix(".json"));
        names.filter(|name| !RESERVED.contains(name)).collect()
    }

    /// Every schema: all files but the catalogs' own.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().filter(|(path, _)| !path.ends_with("/catalog.json")).map(|(path, json)| (path.as_str(), json))
    }

    /// The file at `path`.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        self.0.get(path)
    }

    /// The file at `path`, which a check has found before.
    pub(crate) fn require(&self, path: &str) -> Result<&Value, Problem> {
        self.get(path).ok_or_else(|| Problem::new(path, "", "there is no such file"))
    }
}

/// The path that `reference` (without its fragment) means in the file `from`.
pub(crate) fn resolve(from: &str, reference: &str) -> String {
    if reference.is_empty() {
        return from.to_owned();
    }
    let mut parts: Vec<_> = from.split('/').collect();
    parts.pop();
    for part in reference.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// The names in a folder, sorted.
fn names(folder: &Path, shown: &str) -> Result<Vec<String>, Problems> {
    let read = || -> std::io::Result<Vec<String>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    let mut names = read().map_err(|e| unreadable(shown, &e))?;
    names.sort();
    Ok(names)
}

fn unreadable(path: &str, error: &std::io::Error) -> Problem {
    Problem::new(path, "", format!("cannot be read: {error}"))
}
