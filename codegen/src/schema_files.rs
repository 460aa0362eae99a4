//! The JSON files of a schemas folder, read into memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::problem::{Problem, Problems};

/// Files of a catalog's folder that do not describe an event type.
const RESERVED_STEMS: [&str; 3] = ["base", "catalog", "defs"];
/// Maximum depth of nested folders.
const MAX_FOLDER_DEPTH: usize = 6;
/// File name suffix of refused samples: events that their schema must reject.
pub(crate) const REFUSED_SAMPLES_SUFFIX: &str = ".refused.json";

/// The JSON files of a folder and its subfolders, by relative path, such as `unleash/base.json`.
#[derive(Debug, Clone, Default)]
pub(crate) struct SchemaFiles(BTreeMap<String, Value>);

impl SchemaFiles {
    /// Reads the folder `root`, except for hidden files and folders.
    pub(crate) fn read(root: &Path) -> Result<Self, Problems> {
        let mut texts = BTreeMap::new();
        read_folder(root, "", &mut texts, MAX_FOLDER_DEPTH)?;
        Self::parse(texts)
    }

    /// Parses the texts of files, given by path.
    pub(crate) fn parse(texts: BTreeMap<String, String>) -> Result<Self, Problems> {
        let mut files = BTreeMap::new();
        let mut problems = Vec::new();
        for (path, text) in texts {
            match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
                Ok(json) => drop(files.insert(path, json)),
                Err(error) => problems.push(Problem::new("json", path, "", format!("invalid JSON: {error}"))),
            }
        }
        Problems::check(problems)?;
        Ok(Self(files))
    }

    /// Returns the names of the catalogs: every folder except `common`.
    pub(crate) fn catalogs(&self) -> Result<Vec<&str>, Problems> {
        let folders = self.0.keys().filter_map(|path| Some(path.split_once('/')?.0));
        let mut folders: Vec<_> = folders.filter(|folder| *folder != "common").collect();
        folders.dedup();
        let mut problems = Vec::new();
        for folder in &folders {
            for (name, purpose) in [
                ("catalog.json", "which defines how its events are read"),
                ("base.json", "the schema of the fields that its events share"),
            ] {
                let path = format!("{folder}/{name}");
                if !self.0.contains_key(&path) {
                    let message = format!("every folder except `common` is a catalog and needs this file, {purpose}");
                    problems.push(Problem::new("catalog", path, "", message));
                }
            }
        }
        Problems::check(problems)?;
        Ok(folders)
    }

    /// Returns the names of a catalog's event types, sorted.
    pub(crate) fn type_names<'a>(&'a self, catalog: &str) -> Vec<&'a str> {
        let folder = format!("{catalog}/");
        let paths = self.0.keys().filter(|path| !path.ends_with(REFUSED_SAMPLES_SUFFIX));
        let names = paths.filter_map(|path| path.strip_prefix(&folder)?.strip_suffix(".json"));
        let mut names: Vec<_> = names.filter(|name| !RESERVED_STEMS.contains(name)).collect();
        // Paths sort differently: `a-b.json` comes before `a.json`.
        names.sort_unstable();
        names
    }

    /// Returns the schemas: every file except `catalog.json` and refused samples.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = (&str, &Value)> {
        let schemas =
            self.0.iter().filter(|(path, _)| !is_catalog_file(path) && !path.ends_with(REFUSED_SAMPLES_SUFFIX));
        schemas.map(|(path, json)| (path.as_str(), json))
    }

    /// Creates a folder with one file.
    #[cfg(feature = "check")]
    pub(crate) fn from_one(path: &str, json: Value) -> Self {
        Self(BTreeMap::from([(path.to_owned(), json)]))
    }

    /// Keeps only the files for whose paths `keep` returns true.
    #[cfg(feature = "check")]
    pub(crate) fn retain(mut self, keep: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|path, _| keep(path));
        self
    }

    /// Keeps only the catalog `from`, renamed to `to`, and the folder `common`.
    #[cfg(feature = "check")]
    pub(crate) fn rename_catalog(self, from: &str, to: &str) -> Self {
        let files = self.0.into_iter().filter_map(|(path, json)| match path.split_once('/') {
            Some((folder, name)) if folder == from => Some((format!("{to}/{name}"), json)),
            Some(("common", _)) => Some((path, json)),
            _ => None,
        });
        Self(files.collect())
    }

    /// Returns the path of every file of refused samples, with the path of its schema.
    #[cfg(feature = "check")]
    pub(crate) fn refused_samples(&self) -> impl Iterator<Item = (&str, String)> {
        self.0
            .keys()
            .filter_map(|path| Some((path.as_str(), format!("{}.json", path.strip_suffix(REFUSED_SAMPLES_SUFFIX)?))))
    }

    /// Returns the path of every `catalog.json`.
    #[cfg(feature = "check")]
    pub(crate) fn catalog_files(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(|path| is_catalog_file(path))
    }

    /// Returns the file at `path`.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        self.0.get(path)
    }

    /// Returns the file at `path`, or a problem if it does not exist.
    pub(crate) fn require(&self, path: &str) -> Result<&Value, Problem> {
        self.get(path).ok_or_else(|| Problem::new("catalog", path, "", "the file does not exist"))
    }

    /// Returns whether the folder holds catalogs, rather than plain schemas.
    #[cfg(feature = "check")]
    pub(crate) fn has_catalogs(&self) -> bool {
        self.0.keys().any(|path| is_catalog_file(path))
    }
}

fn is_catalog_file(path: &str) -> bool {
    path == "catalog.json" || path.ends_with("/catalog.json")
}

/// Resolves `reference`, a relative path without a fragment, against the file `from`.
pub(crate) fn resolve_path(from: &str, reference: &str) -> String {
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

/// Adds the texts of the JSON files in `folder`, a folder below `root`, and in its subfolders.
fn read_folder(
    root: &Path,
    folder: &str,
    texts: &mut BTreeMap<String, String>,
    max_depth: usize,
) -> Result<(), Problems> {
    for name in sorted_names(&root.join(folder), folder)? {
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let hidden = is_hidden(&name);
        if root.join(&path).is_dir() {
            if !hidden && max_depth > 0 {
                read_folder(root, &path, texts, max_depth - 1)?;
            }
        } else if !hidden && is_json(&name) {
            let text = fs::read_to_string(root.join(&path)).map_err(|e| unreadable(&path, &e))?;
            texts.insert(path, text);
        }
    }
    Ok(())
}

/// Returns whether a file or folder of this name is skipped.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name == "node_modules"
}

pub(crate) fn is_json(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "json")
}

/// Returns the names in a folder, sorted; `label` names the folder in problems.
fn sorted_names(folder: &Path, label: &str) -> Result<Vec<String>, Problems> {
    let read = || -> std::io::Result<Vec<String>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    let mut names = read().map_err(|e| unreadable(label, &e))?;
    names.sort();
    Ok(names)
}

fn unreadable(path: &str, error: &std::io::Error) -> Problem {
    Problem::new("unreadable", path, "", format!("failed to read: {error}"))
}
