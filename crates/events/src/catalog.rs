//! Catalogs and their event types.

use std::fmt;
use std::sync::OnceLock;

use jsonschema::{Draft, Registry, RegistryBuilder, Validator};
use serde_json::{Value, json};

use crate::rules::Rules;
use crate::summary_template::SummarySegment;

/// Name of the catalog of Tidings' own events, and of the source that they have.
pub const TIDINGS_SOURCE: &str = "tidings";

/// A family of event types with their extraction rules: one folder of `schemas/`.
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

/// An event type with a schema.
#[derive(Debug)]
pub struct EventType {
    /// Name of the type, such as `feature-created`.
    pub name: &'static str,
    /// Meaning of events of the type.
    pub description: &'static str,
    /// Meaning of events of the type, in a few words.
    pub label: &'static str,
    /// Version of the schema, which is stored with each event that it accepts.
    pub version: u32,
    /// Self-contained JSON Schema of the whole event.
    pub schema: &'static str,
    /// Example events, as JSON.
    pub examples: &'static [&'static str],
    pub(crate) summary: &'static [SummarySegment],
    pub(crate) validator: LazyValidator,
}

/// Returns the catalog with this name.
pub fn catalog(name: &str) -> Option<&'static Catalog> {
    catalogs().find(|catalog| catalog.name == name)
}

/// Returns all catalogs, sorted by name.
pub fn catalogs() -> impl Iterator<Item = &'static Catalog> {
    crate::CATALOGS.iter()
}

impl Catalog {
    /// Returns the name, as sources state it: `migration-manager`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the name for people: `Migration Manager`.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// Returns a description of the systems that send these events.
    pub fn description(&self) -> &'static str {
        self.description
    }

    /// Returns advice for producers whose events are rejected.
    pub fn hint(&self) -> Option<&'static str> {
        self.hint
    }

    /// Returns the self-contained JSON Schema that all events of the catalog have in common. Events of unknown types are
    /// validated by it alone.
    pub fn base_schema(&self) -> &'static str {
        self.base_schema
    }

    /// Returns the types with a schema, sorted by name.
    pub fn types(&self) -> impl Iterator<Item = &'static EventType> {
        self.types.iter()
    }

    /// Returns the type with this name, if it has a schema.
    pub fn event_type(&self, name: &str) -> Option<&'static EventType> {
        let index = self.types.binary_search_by(|known| known.name.cmp(name)).ok()?;
        Some(&self.types[index])
    }

    /// Returns the validator of events of unknown types.
    pub(crate) fn validator(&self) -> &Validator {
        self.base_validator.get_or_build(self.base_schema)
    }
}

impl EventType {
    /// Returns the validator of events of this type.
    pub(crate) fn validator(&self) -> &Validator {
        self.validator.get_or_build(self.schema)
    }
}

/// The validator of a schema, built on first use. Building one takes milliseconds, so a starting function builds only those
/// of the types that it receives.
pub(crate) struct LazyValidator(OnceLock<Validator>);

impl LazyValidator {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Returns the validator of this schema, which the generator wrote as JSON.
    ///
    /// `jsonschema` validates a root schema against its meta-schema first, and building the validator of that of draft
    /// 2020-12 takes three times as long as all else. The generator validated the schema already, so the root schema is only
    /// a reference to it, of the draft with the smallest meta-schema.
    fn get_or_build(&self, schema: &str) -> &Validator {
        const URI: &str = "tidings:schema";
        const SMALLEST_META_SCHEMA: &str = "http://json-schema.org/draft-04/schema#";
        self.0.get_or_init(|| {
            // Cannot fail: the generator wrote this JSON, and a test builds every validator.
            let schema: Value = serde_json::from_str(schema).expect("a generated schema is JSON");
            let registry = Registry::new()
                .draft(Draft::Draft202012)
                .add(URI, schema)
                .and_then(RegistryBuilder::prepare)
                .expect("a generated schema refers only to itself");
            jsonschema::options()
                .with_registry(&registry)
                .should_validate_formats(true)
                .build(&json!({ "$schema": SMALLEST_META_SCHEMA, "$ref": URI }))
                .expect("a generated schema is a JSON Schema")
        })
    }
}

impl fmt::Debug for LazyValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LazyValidator")
    }
}
