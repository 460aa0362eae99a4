//! A catalog as the generator sees it: its rules, and its schemas standing alone.

use serde_json::{Value, json};

use crate::bundle::bundle_types;
use crate::dialect::{self, Dialect};
use crate::files::Files;
use crate::merge::merge;
use crate::problem::{Problem, Problems, step};
use crate::rules::CatalogFile;
use crate::shape::shapes;
use crate::summary;

/// One folder of the schemas.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) name: String,
    pub(crate) file: CatalogFile,
    /// The base schema, bundled.
    pub(crate) base: Value,
    pub(crate) types: Vec<EventType>,
}

/// One event type.
#[derive(Debug)]
pub(crate) struct EventType {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) version: u32,
    /// Its label, or its name.
    pub(crate) label: String,
    pub(crate) summary: Option<Vec<summary::Piece>>,
    pub(crate) examples: Vec<Value>,
    /// The schema of the whole event, merged with the base and bundled.
    pub(crate) schema: Value,
}

/// Reads and checks every catalog.
pub(crate) fn catalogs(files: &Files) -> Result<Vec<Catalog>, Problems> {
    let names = files.catalogs()?;
    Problems::check(
        files.schemas().flat_map(|(path, schema)| dialect::check(files, path, schema, Dialect::Catalog)).collect(),
    )?;
    // What types share is looked at by itself first, so that a mistake there is named there.
    for (path, schema) in files.schemas().filter(|(path, _)| is_shared(path)) {
        let names = schema.get("$defs").and_then(Value::as_object).into_iter().flat_map(|defs| defs.keys());
        for name in names {
            let definition = json!({"$ref": format!("#{}", step("/$defs", name))});
            shapes(path, "", &bundle_types(files, path, &definition)?)?;
        }
        shapes(path, "", &bundle_types(files, path, schema)?)?;
    }
    names.into_iter().map(|name| Catalog::read(files, name)).collect()
}

impl Catalog {
    fn read(files: &Files, name: &str) -> Result<Self, Problems> {
        let path = format!("{name}/catalog.json");
        if !is_kebab_case(name) {
            return Err(
                Problem::new("name", path, "", "name the folder in kebab-case, such as migration-manager").into()
            );
        }
        let file = CatalogFile::read(&path, files.require(&path)?)?;
        let base_path = format!("{name}/base.json");
        let base = files.require(&base_path)?;
        let mut catalog =
            Self { name: name.to_owned(), file, base: bundle_types(files, &base_path, base)?, types: Vec::new() };
        let mut problems = Vec::new();
        for event_type in files.types(name) {
            match EventType::read(files, &catalog, base, event_type) {
                Ok(event_type) => catalog.types.push(event_type),
                Err(found) => problems.extend(found.0),
            }
        }
        Problems::check(problems)?;
        Ok(catalog)
    }
}

impl EventType {
    /// Its file, relative to the schemas folder.
    pub(crate) fn path(&self, catalog: &Catalog) -> String {
        format!("{}/{}.json", catalog.name, self.name)
    }

    fn read(files: &Files, catalog: &Catalog, base: &Value, name: &str) -> Result<Self, Problems> {
        let path = format!("{}/{name}.json", catalog.name);
        let schema = files.require(&path)?;
        let head = Head { path: &path, schema };
        let version =
            head.field("x-version", "a whole number from 1", |v| v.as_u64()?.try_into().ok().filter(|v| *v > 0));
        let examples = head.field("examples", "a list with at least one event", |v| {
            Some(v.as_array()?.clone()).filter(|v| !v.is_empty())
        });
        let label = head.optional("x-label", "a string", |v| v.as_str().map(str::to_owned));
        let summary = head.optional("x-summary", "a string", |v| v.as_str().map(str::to_owned)).and_then(|template| {
            let parsed = template.map(|template| summary::parse(&template)).transpose();
            parsed.map_err(|message| Problem::new("summary", &path, "/x-summary", message))
        });
        let mut problems: Vec<_> = head.style(name);
        problems.extend(
            [version.clone().err(), examples.clone().err(), label.clone().err(), summary.clone().err()]
                .into_iter()
                .flatten(),
        );
        Problems::check(problems)?;

        // References in the base are relative to the base, those in the type to the type: both
        // stand in the same folder.
        let schema = bundle_types(files, &path, &merge(base, schema, &path)?)?;
        Ok(Self {
            name: name.to_owned(),
            description: head.text("description"),
            version: version?,
            label: label?.unwrap_or_else(|| name.to_owned()),
            summary: summary?,
            examples: examples?,
            schema,
        })
    }
}

/// The part of a type's file that describes the type.
struct Head<'a> {
    path: &'a str,
    schema: &'a Value,
}

impl Head<'_> {
    fn text(&self, keyword: &str) -> String {
        self.schema.get(keyword).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn optional<T>(&self, keyword: &str, what: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(value) = self.schema.get(keyword) else {
            return Ok(None);
        };
        let wrong = || Problem::new(rule(keyword), self.path, format!("/{keyword}"), format!("make it {what}"));
        read(value).map(Some).ok_or_else(wrong)
    }

    fn field<T>(&self, keyword: &str, what: &str, read: impl Fn(&Value) -> Option<T>) -> Result<T, Problem> {
        let missing = || Problem::new(rule(keyword), self.path, "", format!("give it `{keyword}`: {what}"));
        self.optional(keyword, what, read)?.ok_or_else(missing)
    }

    /// The name, and the reference to the base.
    fn style(&self, name: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !is_kebab_case(name) {
            problems.push(Problem::new("name", self.path, "", "name the file after the type, in kebab-case"));
        }
        if self.text("title") != name {
            problems.push(Problem::new("title", self.path, "/title", format!("make it the type's name, {name}")));
        }
        if self.schema.get("allOf") != Some(&serde_json::json!([{"$ref": "base.json"}])) {
            let message = "begin with \"allOf\": [{\"$ref\": \"base.json\"}], and nothing else in it";
            problems.push(Problem::new("base", self.path, "/allOf", message));
        }
        problems
    }
}

/// The rule that is broken where a keyword of a type's head is missing or wrong.
fn rule(keyword: &str) -> &'static str {
    match keyword {
        "examples" => "examples",
        "x-version" => "version",
        _ => "label",
    }
}

fn is_shared(path: &str) -> bool {
    path.ends_with("/base.json") || path.ends_with("/defs.json")
}

fn is_kebab_case(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    starts && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}
