//! The table of filter fields.

use std::mem::take;

use events::Event;

use super::Field;

/// Scopes of events.
pub const SCOPES: [&str; 3] = ["lifecycle", "logging", "signal"];

/// Levels of logging events, from the least to the most severe.
pub const LEVELS: [&str; 4] = ["DEBUG", "INFO", "WARN", "ERROR"];

/// A field that every search can filter by. The parameters of the API, the facets, the DynamoDB expressions and the
/// segments are derived from these properties.
#[derive(Debug, Clone, Copy)]
pub struct FilterField {
    /// The field.
    pub field: Field,
    /// Name of its parameter and of its facet in the API.
    pub name: &'static str,
    /// Description of its parameter.
    pub description: &'static str,
    /// Example of its parameter: a JSON array of values.
    pub example: &'static str,
    /// The values that its parameter accepts.
    pub values: FieldValues,
    /// True if the API lists its values as a facet.
    pub has_facet: bool,
    /// Attribute of the event item in DynamoDB.
    pub attribute: &'static str,
    /// Moves its value out of an event; `None` if an event has several values.
    pub take: Option<fn(&mut Event) -> Option<String>>,
}

/// The values that a filter accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValues {
    /// Any text.
    Text,
    /// Names of catalogs.
    Catalogs,
    /// [`SCOPES`].
    Scopes,
    /// [`LEVELS`].
    Levels,
}

/// The filter fields, in the order of the API's parameters. A cursor is bound to the conditions of its search in this
/// order, so that existing fields must keep it.
///
/// The fields that only Unleash's API filters by are not in the table: their values come from the payload.
pub const FILTER_FIELDS: &[FilterField] = &[
    FilterField {
        name: "source",
        description: "Sources that sent the event.",
        example: r#"["unleash-prod"]"#,
        attribute: "s",
        take: Some(|event| Some(take(&mut event.source))),
        ..FilterField::of(Field::Source)
    },
    FilterField {
        name: "catalog",
        description: "Catalogs of those sources.",
        example: r#"["unleash"]"#,
        values: FieldValues::Catalogs,
        has_facet: false,
        attribute: "c",
        take: Some(|event| Some(take(&mut event.catalog))),
        ..FilterField::of(Field::Catalog)
    },
    FilterField {
        name: "scope",
        description: "Scope of the event: a change, a log line, or a signal.",
        example: r#"["lifecycle"]"#,
        values: FieldValues::Scopes,
        attribute: "o",
        take: Some(|event| Some(event.fields.scope.to_string())),
        ..FilterField::of(Field::Scope)
    },
    FilterField {
        name: "subject",
        description: "Subject of the event: the object that it is about.",
        example: r#"["dark-mode"]"#,
        attribute: "u",
        take: Some(|event| event.fields.subject.take()),
        ..FilterField::of(Field::Subject)
    },
    FilterField {
        name: "entity",
        description: "Any object that the event is about: a member of `entities`. Events of Unleash and signals have no \
            entities; use `subject` for them.",
        example: r#"["/1.0/instances/a"]"#,
        has_facet: false,
        attribute: "e",
        ..FilterField::of(Field::Entity)
    },
    FilterField {
        name: "actor",
        description: "Actor: who or what caused the event.",
        example: r#"["ada@example.org"]"#,
        attribute: "a",
        take: Some(|event| event.fields.actor.take()),
        ..FilterField::of(Field::Actor)
    },
    FilterField {
        name: "project",
        description: "Projects that the event belongs to.",
        example: r#"["web"]"#,
        attribute: "p",
        take: Some(|event| event.fields.project.take()),
        ..FilterField::of(Field::Project)
    },
    FilterField {
        name: "environment",
        description: "Environments that the event belongs to.",
        example: r#"["production"]"#,
        attribute: "v",
        take: Some(|event| event.fields.environment.take()),
        ..FilterField::of(Field::Environment)
    },
    FilterField {
        name: "level",
        description: "Severity of a log line.",
        example: r#"["ERROR"]"#,
        values: FieldValues::Levels,
        attribute: "l",
        take: Some(|event| event.fields.level.take().map(|level| level.to_string())),
        ..FilterField::of(Field::Level)
    },
    FilterField {
        name: "type",
        description: "Types of the event.",
        example: r#"["feature-tagged", "feature-untagged"]"#,
        attribute: "t",
        take: Some(|event| Some(take(&mut event.fields.event_type))),
        ..FilterField::of(Field::Type)
    },
];

impl FilterField {
    /// Creates a field with text values and a facet.
    const fn of(field: Field) -> Self {
        Self {
            field,
            name: "",
            description: "",
            example: "",
            values: FieldValues::Text,
            has_facet: true,
            attribute: "",
            take: None,
        }
    }
}

impl Field {
    /// Returns the properties of the field; `None` if only Unleash's API filters by it.
    pub fn properties(self) -> Option<&'static FilterField> {
        FILTER_FIELDS.iter().find(|properties| properties.field == self)
    }
}

#[cfg(test)]
mod tests {
    use events::{Level, Scope};

    use super::*;

    #[test]
    fn every_field_has_its_own_name_and_attribute() {
        for (at, field) in FILTER_FIELDS.iter().enumerate() {
            assert!(!field.name.is_empty() && !field.description.is_empty() && !field.attribute.is_empty());
            assert!(FILTER_FIELDS[..at].iter().all(|other| {
                other.field != field.field && other.name != field.name && other.attribute != field.attribute
            }));
            assert!(serde_json::from_str::<Vec<String>>(field.example).is_ok_and(|values| !values.is_empty()));
        }
    }

    #[test]
    fn choices_are_the_values_of_their_types() {
        let scopes = [Scope::Lifecycle, Scope::Logging, Scope::Signal].map(|scope| scope.to_string());
        assert!(SCOPES.iter().eq(scopes.iter()));
        let levels = [Level::Debug, Level::Info, Level::Warn, Level::Error].map(|level| level.to_string());
        assert!(LEVELS.iter().eq(levels.iter()));
    }
}
