//! Contents of the reference pages.

use serde_json::Value;

use crate::catalog::{Catalog, EventType, read_catalogs};
use crate::check::schema_unit::{SchemaUnit, schema_units};
use crate::problem::Problems;
use crate::schema_files::{REFUSED_SAMPLES_SUFFIX, SchemaFiles};

/// The contents of a page about a type.
#[derive(Debug)]
pub(super) struct Page {
    /// Path of the page, such as `unleash/feature-created.html`.
    pub(super) path: String,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) description: String,
    /// Properties of the type: terms with their values.
    pub(super) properties: Vec<(&'static str, String)>,
    /// The self-contained schema.
    pub(super) schema: Value,
    pub(super) examples: Vec<Value>,
    /// Refused samples: the reason and the event.
    pub(super) refused: Vec<(String, Value)>,
}

/// A group of pages, such as those of a catalog.
#[derive(Debug)]
pub(super) struct PageGroup {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) pages: Vec<Page>,
}

/// Returns the pages for a schemas folder, grouped by catalog.
pub(super) fn page_groups(files: &SchemaFiles) -> Result<Vec<PageGroup>, Problems> {
    if files.has_catalogs() {
        Ok(read_catalogs(files)?.iter().map(|catalog| catalog_group(files, catalog)).collect())
    } else {
        Ok(vec![plain_group(files)])
    }
}

fn catalog_group(files: &SchemaFiles, catalog: &Catalog) -> PageGroup {
    let mut pages: Vec<_> = catalog.types.iter().map(|event_type| type_page(files, catalog, event_type)).collect();
    pages.push(Page {
        path: format!("{}/base.html", catalog.name),
        name: format!("{}: any other type", catalog.name),
        label: String::new(),
        description: text(&catalog.base, "description"),
        properties: vec![("Catalog", catalog.name.clone())],
        schema: catalog.base.clone(),
        examples: Vec::new(),
        refused: refused_samples(files, &format!("{}/base", catalog.name)),
    });
    PageGroup { title: catalog.file.title.clone(), description: catalog.file.description.clone(), pages }
}

fn type_page(files: &SchemaFiles, catalog: &Catalog, event_type: &EventType) -> Page {
    let stem = format!("{}/{}", catalog.name, event_type.name);
    let mut properties = vec![("Catalog", catalog.name.clone()), ("Label", event_type.label.clone())];
    if let Some(summary) = event_type.schema.get("x-summary").and_then(Value::as_str) {
        properties.push(("Summary", summary.to_owned()));
    }
    properties.push(("Version", event_type.version.to_string()));
    Page {
        path: format!("{stem}.html"),
        name: event_type.name.clone(),
        label: event_type.label.clone(),
        description: event_type.description.clone(),
        properties,
        examples: event_type.examples.clone(),
        refused: refused_samples(files, &stem),
        schema: without_examples(&event_type.schema),
    }
}

/// Returns the group of a folder without catalogs.
fn plain_group(files: &SchemaFiles) -> PageGroup {
    let page = |unit: SchemaUnit| {
        let stem = unit.path.trim_end_matches(".json").to_owned();
        let title = text(&unit.schema, "title");
        Page {
            path: format!("{stem}.html"),
            name: if title.is_empty() { stem.clone() } else { title },
            label: String::new(),
            description: text(&unit.schema, "description"),
            properties: vec![("File", unit.path.clone())],
            examples: unit.schema.get("examples").and_then(Value::as_array).cloned().unwrap_or_default(),
            refused: refused_samples(files, &stem),
            schema: without_examples(&unit.schema),
        }
    };
    let pages = schema_units(files).units.into_iter().map(page).collect();
    PageGroup { title: "Schemas".to_owned(), description: String::new(), pages }
}

/// Returns the samples of `<stem>.refused.json`: the reason and the event.
fn refused_samples(files: &SchemaFiles, stem: &str) -> Vec<(String, Value)> {
    let samples = files.get(&format!("{stem}{REFUSED_SAMPLES_SUFFIX}")).and_then(Value::as_array);
    let sample = |sample: &Value| {
        let pointer = text(sample, "pointer");
        let location = if pointer.is_empty() { "the event itself".to_owned() } else { pointer };
        (format!("{location}: {}", text(sample, "keyword")), sample.get("event").cloned().unwrap_or_default())
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
