//! Pages about every type: what it means, its fields, its examples.

mod fields;
mod html;

use std::path::{Component, Path};

use serde_json::Value;

use super::units::{Unit, units};
use crate::catalog::{Catalog, EventType, catalogs};
use crate::files::{Files, REFUSED};
use crate::problem::{Problem, Problems};

/// One page's contents.
#[derive(Debug)]
struct Entry {
    /// The page's path: `unleash/feature-created.html`.
    page: String,
    name: String,
    label: String,
    description: String,
    /// Short facts: a term and its value.
    about: Vec<(&'static str, String)>,
    /// The schema, with all that it refers to.
    schema: Value,
    examples: Vec<Value>,
    /// Events that are refused, each with the reason.
    refused: Vec<(String, Value)>,
}

/// Pages that belong together: a catalog's.
#[derive(Debug)]
struct Group {
    title: String,
    description: String,
    entries: Vec<Entry>,
}

/// Writes the pages about the schemas in `folder` to `out`, and says how many there are.
pub(super) fn write(folder: &Path, out: &Path) -> Result<usize, Problems> {
    let files = Files::read(folder)?;
    let groups = if files.has_catalogs() { of_catalogs(&files)? } else { vec![of_any(&files)] };
    let mut pages = vec![
        ("index.html".to_owned(), html::index(&groups)),
        ("style.css".to_owned(), include_str!("style.css").to_owned()),
        ("search.js".to_owned(), include_str!("search.js").to_owned()),
    ];
    for entry in groups.iter().flat_map(|group| &group.entries) {
        pages.push((entry.page.clone(), html::entry(entry)));
    }
    for (page, content) in &pages {
        put(out, page, content).map_err(|error| {
            Problem::new("unwritable", out.join(page).display().to_string(), "", format!("cannot be written: {error}"))
        })?;
    }
    Ok(pages.len() - 2)
}

/// Writes one file, unless it is there already as it should be.
fn put(out: &Path, page: &str, content: &str) -> std::io::Result<()> {
    let path = out.join(page);
    // Pages are named after files of the folder, none of which is outside it.
    if Path::new(page).components().any(|part| !matches!(part, Component::Normal(_))) {
        return Err(std::io::Error::other("this name leads out of the folder"));
    }
    if std::fs::read_to_string(&path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, content)
}

fn of_catalogs(files: &Files) -> Result<Vec<Group>, Problems> {
    let group = |catalog: &Catalog| {
        let mut entries: Vec<_> = catalog.types.iter().map(|kind| of_type(files, catalog, kind)).collect();
        entries.push(Entry {
            page: format!("{}/base.html", catalog.name),
            name: format!("{}: any other type", catalog.name),
            label: String::new(),
            description: text(&catalog.base, "description"),
            about: vec![("Catalog", catalog.name.clone())],
            schema: catalog.base.clone(),
            examples: Vec::new(),
            refused: refused(files, &format!("{}/base", catalog.name)),
        });
        Group { title: catalog.file.title.clone(), description: catalog.file.description.clone(), entries }
    };
    Ok(catalogs(files)?.iter().map(group).collect())
}

fn of_type(files: &Files, catalog: &Catalog, kind: &EventType) -> Entry {
    let stem = format!("{}/{}", catalog.name, kind.name);
    let mut about = vec![("Catalog", catalog.name.clone()), ("Label", kind.label.clone())];
    if let Some(summary) = kind.schema.get("x-summary").and_then(Value::as_str) {
        about.push(("Summary", summary.to_owned()));
    }
    about.push(("Version", kind.version.to_string()));
    Entry {
        page: format!("{stem}.html"),
        name: kind.name.clone(),
        label: kind.label.clone(),
        description: kind.description.clone(),
        about,
        examples: kind.examples.clone(),
        refused: refused(files, &stem),
        schema: without_examples(&kind.schema),
    }
}

fn of_any(files: &Files) -> Group {
    let entry = |unit: Unit| {
        let stem = unit.path.trim_end_matches(".json").to_owned();
        let title = text(&unit.schema, "title");
        Entry {
            page: format!("{stem}.html"),
            name: if title.is_empty() { stem.clone() } else { title },
            label: String::new(),
            description: text(&unit.schema, "description"),
            about: vec![("File", unit.path.clone())],
            examples: unit.schema.get("examples").and_then(Value::as_array).cloned().unwrap_or_default(),
            refused: refused(files, &stem),
            schema: without_examples(&unit.schema),
        }
    };
    let entries = units(files).into_iter().map(entry).collect();
    Group { title: "Schemas".to_owned(), description: String::new(), entries }
}

/// The samples of `<stem>.refused.json`.
fn refused(files: &Files, stem: &str) -> Vec<(String, Value)> {
    let samples = files.get(&format!("{stem}{REFUSED}")).and_then(Value::as_array);
    let sample = |sample: &Value| {
        let place = text(sample, "pointer");
        let place = if place.is_empty() { "the event itself".to_owned() } else { place };
        (format!("{place}: {}", text(sample, "keyword")), sample.get("event").cloned().unwrap_or_default())
    };
    samples.into_iter().flatten().map(sample).collect()
}

fn text(schema: &Value, keyword: &str) -> String {
    schema.get(keyword).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn without_examples(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(object) = schema.as_object_mut() {
        object.shift_remove("examples");
    }
    schema
}
