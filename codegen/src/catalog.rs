//! Catalogs as the generator reads them: extraction rules and self-contained schemas.

use serde_json::{Value, json};

use crate::bundle::bundle_for_types;
use crate::catalog_file::CatalogFile;
use crate::dialect::{Dialect, check_dialect};
use crate::json_pointer::child_pointer;
use crate::problem::{Problem, Problems};
use crate::schema_files::SchemaFiles;
use crate::schema_merge::merge_with_base;
use crate::summary_template::{SummarySegment, parse_template};
use crate::type_shape::type_shapes;

/// A catalog: one folder of the schemas folder.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) name: String,
    pub(crate) file: CatalogFile,
    /// The base schema, self-contained.
    pub(crate) base: Value,
    pub(crate) types: Vec<EventType>,
}

/// An event type of a catalog.
#[derive(Debug)]
pub(crate) struct EventType {
    /// The name that producers use: `x-type`, or else the name of the file.
    pub(crate) name: String,
    /// Name of the file, without its extension.
    file_stem: String,
    pub(crate) description: String,
    pub(crate) version: u32,
    /// `x-label`, or else the name.
    pub(crate) label: String,
    pub(crate) summary: Option<Vec<SummarySegment>>,
    pub(crate) examples: Vec<Value>,
    /// The schema of the whole event, merged with the base and self-contained.
    pub(crate) schema: Value,
}

/// Reads and checks every catalog of the schemas folder.
pub(crate) fn read_catalogs(files: &SchemaFiles) -> Result<Vec<Catalog>, Problems> {
    let names = files.catalogs()?;
    Problems::check(
        files.schemas().flat_map(|(path, schema)| check_dialect(files, path, schema, Dialect::Catalog)).collect(),
    )?;
    // Shared schemas are checked on their own first, so that a problem is reported in their file.
    for (path, schema) in files.schemas().filter(|(path, _)| is_shared(path)) {
        let names = schema.get("$defs").and_then(Value::as_object).into_iter().flat_map(|defs| defs.keys());
        for name in names {
            let definition = json!({"$ref": format!("#{}", child_pointer("/$defs", name))});
            type_shapes(path, "", &bundle_for_types(files, path, &definition)?)?;
        }
        type_shapes(path, "", &bundle_for_types(files, path, schema)?)?;
    }
    names.into_iter().map(|name| Catalog::read(files, name)).collect()
}

impl Catalog {
    fn read(files: &SchemaFiles, name: &str) -> Result<Self, Problems> {
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
            Self { name: name.to_owned(), file, base: bundle_for_types(files, &base_path, base)?, types: Vec::new() };
        let mut problems = Vec::new();
        for event_type in files.type_names(name) {
            match EventType::read(files, &catalog, base, event_type) {
                Ok(event_type) => catalog.types.push(event_type),
                Err(found) => problems.extend(found.0),
            }
        }
        // Types are found by name, which may differ from that of the file.
        catalog.types.sort_by(|a, b| a.name.cmp(&b.name));
        for pair in catalog.types.windows(2) {
            if let [first, second] = pair
                && first.name == second.name
            {
                let message = format!("{} describes the same type: remove one of the two", first.path(&catalog));
                problems.push(Problem::new("name", second.path(&catalog), "/x-type", message));
            }
        }
        Problems::check(problems)?;
        Ok(catalog)
    }
}

impl EventType {
    /// Returns the path of the type's file, relative to the schemas folder.
    pub(crate) fn path(&self, catalog: &Catalog) -> String {
        format!("{}/{}.json", catalog.name, self.file_stem)
    }

    fn read(files: &SchemaFiles, catalog: &Catalog, base: &Value, file_stem: &str) -> Result<Self, Problems> {
        let path = format!("{}/{file_stem}.json", catalog.name);
        let schema = files.require(&path)?;
        let header = TypeHeader { path: &path, schema };
        let version = header
            .required("x-version", "an integer of at least 1", |v| v.as_u64()?.try_into().ok().filter(|v| *v > 0));
        let examples = header.required("examples", "a list of at least one event", |v| {
            Some(v.as_array()?.clone()).filter(|v| !v.is_empty())
        });
        let label = header.optional("x-label", "a string", |v| v.as_str().map(str::to_owned));
        let summary =
            header.optional("x-summary", "a string", |v| v.as_str().map(str::to_owned)).and_then(|template| {
                let parsed = template.map(|template| parse_template(&template)).transpose();
                parsed.map_err(|message| Problem::new("summary", &path, "/x-summary", message))
            });
        let name = header.optional("x-type", "the type's name, of 1 to 200 characters", |v| {
            v.as_str().filter(|name| is_type_name(name)).map(str::to_owned)
        });
        let mut problems: Vec<_> = header.check_style(file_stem, name.as_ref().ok().and_then(Option::as_deref));
        problems.extend(
            [
                version.clone().err(),
                examples.clone().err(),
                label.clone().err(),
                summary.clone().err(),
                name.clone().err(),
            ]
            .into_iter()
            .flatten(),
        );
        Problems::check(problems)?;

        // The type and its base are in the same folder, so relative references of both still resolve.
        let schema = bundle_for_types(files, &path, &merge_with_base(base, schema, &path)?)?;
        let name = name?.unwrap_or_else(|| file_stem.to_owned());
        Ok(Self {
            file_stem: file_stem.to_owned(),
            description: header.text("description"),
            version: version?,
            label: label?.unwrap_or_else(|| name.clone()),
            name,
            summary: summary?,
            examples: examples?,
            schema,
        })
    }
}

/// The keywords of a type's file that describe the type.
struct TypeHeader<'a> {
    path: &'a str,
    schema: &'a Value,
}

impl TypeHeader<'_> {
    fn text(&self, keyword: &str) -> String {
        self.schema.get(keyword).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Reads an optional keyword; `expected` describes a valid value.
    fn optional<T>(
        &self,
        keyword: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.schema.get(keyword) else {
            return Ok(None);
        };
        let invalid =
            || Problem::new(header_rule(keyword), self.path, format!("/{keyword}"), format!("must be {expected}"));
        read(value).map(Some).ok_or_else(invalid)
    }

    /// Reads a required keyword; `expected` describes a valid value.
    fn required<T>(&self, keyword: &str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Result<T, Problem> {
        let missing = || Problem::new(header_rule(keyword), self.path, "", format!("add `{keyword}`: {expected}"));
        self.optional(keyword, expected, read)?.ok_or_else(missing)
    }

    /// Checks the names of the file and the type, and the reference to the base.
    fn check_style(&self, file_stem: &str, type_name: Option<&str>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !is_file_name(file_stem) {
            let message = "name the file after the type, with letters, digits, '-', '_' and '.'; if the type has other \
                           characters, add it as `x-type`";
            problems.push(Problem::new("name", self.path, "", message));
        }
        let name = type_name.unwrap_or(file_stem);
        if self.text("title") != name {
            problems.push(Problem::new("title", self.path, "/title", format!("must be the type's name, {name}")));
        }
        if self.schema.get("allOf") != Some(&serde_json::json!([{"$ref": "base.json"}])) {
            let message = "must be exactly \"allOf\": [{\"$ref\": \"base.json\"}]";
            problems.push(Problem::new("base", self.path, "/allOf", message));
        }
        problems
    }
}

/// Returns the rule that a missing or invalid keyword of a type's header breaks.
fn header_rule(keyword: &str) -> &'static str {
    match keyword {
        "examples" => "examples",
        "x-version" => "version",
        "x-type" => "name",
        _ => "label",
    }
}

/// Returns whether the file at `path` holds schemas that several types share.
fn is_shared(path: &str) -> bool {
    path.ends_with("/base.json") || path.ends_with("/defs.json")
}

/// Returns whether a producer may use `name` as a type.
fn is_type_name(name: &str) -> bool {
    const MAX_TYPE_NAME_CHARS: usize = 200;
    let length = name.chars().count();
    (1..=MAX_TYPE_NAME_CHARS).contains(&length) && name.trim() == name && !name.chars().any(char::is_control)
}

/// Returns whether the file of a type may have the name `stem`, without its extension.
fn is_file_name(stem: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c);
    stem.starts_with(|c: char| c.is_ascii_alphanumeric()) && stem.chars().all(is_allowed)
}

pub(crate) fn is_kebab_case(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase());
    starts && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}
