//! A folder of schemas, read into memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::problem::{Problem, Problems};

/// Files of a catalog's folder that are no event type.
const RESERVED: [&str; 3] = ["base", "catalog", "defs"];
/// How deep folders are nested at most.
const DEEPEST: usize = 6;
/// The end of the name of a file with samples that must be refused.
pub(crate) const REFUSED: &str = ".refused.json";

/// Every JSON file of a folder and the folders in it, by its path there: `unleash/base.json`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files(BTreeMap<String, Value>);

impl Files {
    /// Reads the folder `root`. Hidden files and folders are left out.
    pub(crate) fn read(root: &Path) -> Result<Self, Problems> {
        let mut texts = BTreeMap::new();
        walk(root, "", &mut texts, DEEPEST)?;
        Self::parse(texts)
    }

    /// Parses the texts of files, by their paths.
    pub(crate) fn parse(texts: BTreeMap<String, String>) -> Result<Self, Problems> {
        let mut files = BTreeMap::new();
        let mut problems = Vec::new();
        for (path, text) in texts {
            match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
                Ok(json) => drop(files.insert(path, json)),
                Err(error) => problems.push(Problem::new("json", path, "", format!("not JSON: {error}"))),
            }
        }
        Problems::check(problems)?;
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
                    problems.push(Problem::new("catalog", path, "", message));
                }
            }
        }
        Problems::check(problems)?;
        Ok(folders)
    }

    /// The names of a catalog's event types, sorted.
    pub(crate) fn types<'a>(&'a self, catalog: &str) -> Vec<&'a str> {
        let folder = format!("{catalog}/");
        let paths = self.0.keys().filter(|path| !path.ends_with(REFUSED));
        let names = paths.filter_map(|path| path.strip_prefix(&folder)?.strip_suffix(".json"));
        let mut names: Vec<_> = names.filter(|name| !RESERVED.contains(name)).collect();
        // Not the order of the paths: there, `a-b.json` comes before `a.json`.
        names.sort_unstable();
        names
    }

    /// Every schema: all files but the catalogs' own and the refused samples.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = (&str, &Value)> {
        let schemas = self.0.iter().filter(|(path, _)| !is_catalog_file(path) && !path.ends_with(REFUSED));
        schemas.map(|(path, json)| (path.as_str(), json))
    }

    /// One file.
    #[cfg(feature = "check")]
    pub(crate) fn of_one(path: &str, json: Value) -> Self {
        Self(BTreeMap::from([(path.to_owned(), json)]))
    }

    /// The same files, but only those of some paths.
    #[cfg(feature = "check")]
    pub(crate) fn only(mut self, keep: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|path, _| keep(path));
        self
    }

    /// The files of the folder `from` and what is common to all, as if `from` were called `to`.
    #[cfg(feature = "check")]
    pub(crate) fn moved(self, from: &str, to: &str) -> Self {
        let files = self.0.into_iter().filter_map(|(path, json)| match path.split_once('/') {
            Some((folder, name)) if folder == from => Some((format!("{to}/{name}"), json)),
            Some(("common", _)) => Some((path, json)),
            _ => None,
        });
        Self(files.collect())
    }

    /// Every file with samples that must be refused, with the path of the schema that refuses them.
    #[cfg(feature = "check")]
    pub(crate) fn refused(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.keys().filter_map(|path| Some((path.as_str(), format!("{}.json", path.strip_suffix(REFUSED)?))))
    }

    /// The file at `path`.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        self.0.get(path)
    }

    /// The file at `path`, which a check has found before.
    pub(crate) fn require(&self, path: &str) -> Result<&Value, Problem> {
        self.get(path).ok_or_else(|| Problem::new("catalog", path, "", "there is no such file"))
    }

    /// Whether these are catalogs, with rules to read their events, or just schemas.
    #[cfg(feature = "check")]
    pub(crate) fn has_catalogs(&self) -> bool {
        self.0.keys().any(|path| is_catalog_file(path))
    }
}

fn is_catalog_file(path: &str) -> bool {
    path == "catalog.json" || path.ends_with("/catalog.json")
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

/// Adds the texts of the JSON files in `root`'s folder `folder`, and deeper.
fn walk(root: &Path, folder: &str, texts: &mut BTreeMap<String, String>, deep: usize) -> Result<(), Problems> {
    for name in names(&root.join(folder), folder)? {
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let hidden = is_hidden(&name);
        if root.join(&path).is_dir() {
            if !hidden && deep > 0 {
                walk(root, &path, texts, deep - 1)?;
            }
        } else if !hidden && is_json(&name) {
            let text = fs::read_to_string(root.join(&path)).map_err(|e| unreadable(&path, &e))?;
            texts.insert(path, text);
        }
    }
    Ok(())
}

/// Whether a file or folder of this name is left out.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name == "node_modules"
}

pub(crate) fn is_json(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "json")
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
    Problem::new("unreadable", path, "", format!("cannot be read: {error}"))
}
