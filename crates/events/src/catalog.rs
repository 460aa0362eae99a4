//! The catalogs, and what each knows of its event types.

use std::fmt;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::describe::Piece;
use crate::rules::Rules;

/// Name of the catalog of Tidings' own events, and of the source that they have.
pub const TIDINGS_SOURCE: &str = "tidings";

/// A family of event types and the rules to read them: one folder of `schemas/`.
#[derive(Debug)]
pub struct Catalog {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    pub(crate) hint: Option<&'static str>,
    pub(crate) rules: Rules,
    pub(crate) base_schema: &'static str,
    pub(crate) base_validator: LazyValidator,
    pub(crate) types: &'static [EventType],
}

/// One type of event that a catalog has a schema for.
#[derive(Debug)]
pub struct EventType {
    /// Its name: `feature-created`.
    pub name: &'static str,
    /// What such an event means.
    pub description: &'static str,
    /// The same in a few words.
    pub label: &'static str,
    /// The schema's version; stored with each event that it accepted.
    pub version: u32,
    /// The JSON Schema of the whole event, standing alone.
    pub schema: &'static str,
    /// Example events, as JSON.
    pub examples: &'static [&'static str],
    pub(crate) summary: &'static [Piece],
    pub(crate) validator: LazyValidator,
}

/// The catalog of that name.
pub fn catalog(name: &str) -> Option<&'static Catalog> {
    catalogs().find(|catalog| catalog.name == name)
}

/// Every catalog, sorted by name.
pub fn catalogs() -> impl Iterator<Item = &'static Catalog> {
    crate::CATALOGS.iter()
}

impl Catalog {
    /// Its name, as sources give it: `migration-manager`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its name for people: `Migration Manager`.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// What sends these events.
    pub fn description(&self) -> &'static str {
        self.description
    }

    /// What whoever sends something that it refuses should look at first.
    pub fn hint(&self) -> Option<&'static str> {
        self.hint
    }

    /// The JSON Schema of what all its events have in common, standing alone. It alone decides on
    /// events of a type without a schema.
    pub fn base_schema(&self) -> &'static str {
        self.base_schema
    }

    /// The types that have a schema, sorted by name.
    pub fn types(&self) -> impl Iterator<Item = &'static EventType> {
        self.types.iter()
    }

    /// The type of that name, if it has a schema.
    pub fn event_type(&self, name: &str) -> Option<&'static EventType> {
        let index = self.types.binary_search_by(|known| known.name.cmp(name)).ok()?;
        Some(&self.types[index])
    }

    /// What decides on events of a type without a schema.
    pub(crate) fn validator(&self) -> &Validator {
        self.base_validator.of(self.base_schema)
    }
}

impl EventType {
    /// What decides on events of this type.
    pub(crate) fn validator(&self) -> &Validator {
        self.validator.of(self.schema)
    }
}

/// The validator for a schema, made when it is first needed: making one takes milliseconds, and a
/// function that starts cold should pay for the types that it meets only.
pub(crate) struct LazyValidator(OnceLock<Validator>);

impl LazyValidator {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    fn of(&self, schema: &str) -> &Validator {
        self.0.get_or_init(|| {
            // Cannot fail: the generator wrote this JSON, and a test makes every validator.
            let schema: Value = serde_json::from_str(schema).expect("a generated schema is JSON");
            jsonschema::options()
                .should_validate_formats(true)
                .build(&schema)
                .expect("a generated schema is a JSON Schema")
        })
    }
}

impl fmt::Debug for LazyValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LazyValidator")
    }
}
