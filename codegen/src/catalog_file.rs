//! `catalog.json`: the rules for extracting fields from a catalog's events.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::json_pointer::child_pointer;
use crate::problem::{Problem, Problems};

/// A catalog's `catalog.json`.
///
/// Each field lists the paths at which its value may be found; the first path with a value wins. A
/// field without paths is empty in every event of the catalog.
///
/// ```json
/// {
///   "title": "Migration Manager",
///   "description": "…",
///   "type": ["/metadata/action", "/type"],
///   "scope": { "at": "/type", "values": { "logging": "logging" }, "otherwise": "lifecycle" },
///   "time": ["/time"],
///   "actor": [{ "at": "/metadata/requestor", "after": "/", "before": " (" }],
///   "entities": ["/metadata/entities"],
///   "level": ["/metadata/level"]
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogFile {
    /// Display name of the catalog.
    pub title: String,
    /// Description of the events and of the system that sends them.
    pub description: String,
    /// Hint for the sender of an invalid event, added to the rejection.
    pub hint: Option<String>,
    /// Type of the event, which selects its schema.
    #[serde(rename = "type")]
    pub event_type: Vec<FieldPath>,
    /// Default type of events that do not name a type. Without it, such events are rejected.
    pub untyped: Option<String>,
    /// Scope of the event.
    pub scope: ScopeRule,
    /// Time of the event, as text or as a Unix time; the time of receipt if the event does not state its time.
    #[serde(default)]
    pub time: Vec<FieldPath>,
    /// ID that the producer gave to the event: an integer or a string.
    #[serde(default)]
    pub producer_id: Vec<FieldPath>,
    /// User or system that caused the event.
    #[serde(default)]
    pub actor: Vec<FieldPath>,
    /// Object that the event is about, or else the first entity.
    #[serde(default)]
    pub subject: Vec<FieldPath>,
    /// All objects that the event is about: strings, or arrays of strings. All paths are used.
    #[serde(default)]
    pub entities: Vec<FieldPath>,
    /// Project of the event.
    #[serde(default)]
    pub project: Vec<FieldPath>,
    /// Environment of the event.
    #[serde(default)]
    pub environment: Vec<FieldPath>,
    /// Severity of a log line; used only for events of the scope `logging`.
    #[serde(default)]
    pub level: Vec<FieldPath>,
    /// Compatibility that changes of the catalog's schemas must keep.
    #[serde(default)]
    pub compatibility: CompatibilityLevel,
    /// If true, every string and array must have an upper bound.
    #[serde(default)]
    pub bounded: bool,
}

/// The compatibility that a schema change must keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "check", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum CompatibilityLevel {
    /// New schemas accept the events of old ones.
    #[default]
    Backward,
    /// Old schemas accept the events of new ones.
    Forward,
    /// Both backward and forward.
    Full,
    /// Any change is allowed.
    None,
}

/// The location of a value in an event: a JSON Pointer, or a part of the string that it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a JSON Pointer such as \"/data/name\", or {\"at\": pointer, \"after\": text, \"before\": text}"
)]
pub enum FieldPath {
    /// The whole value.
    Whole(String),
    /// A part of a string.
    Part(StringPart),
}

/// A part of the string at a JSON Pointer. A delimiter that the string does not contain is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StringPart {
    /// JSON Pointer to the string.
    pub at: String,
    /// The part begins after the first occurrence of this text.
    pub after: Option<String>,
    /// The part ends before the last occurrence of this text.
    pub before: Option<String>,
}

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// An action or a state change.
    Lifecycle,
    /// A log line of a service.
    Logging,
    /// A signal from an external system.
    Signal,
}

/// The rule for an event's scope.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"lifecycle\", \"logging\" or \"signal\", or {\"at\": pointer, \"values\": {text: scope}, \"otherwise\": scope}"
)]
pub enum ScopeRule {
    /// All events have the same scope.
    Always(Scope),
    /// A string in the event determines the scope.
    From(ScopeMap),
}

/// A mapping from a string in the event to its scope.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeMap {
    /// Path of the string.
    pub at: FieldPath,
    /// Scope for each value of the string.
    pub values: BTreeMap<String, Scope>,
    /// Scope for all other values.
    pub otherwise: Scope,
}

impl CatalogFile {
    /// Reads and checks the `catalog.json` at `path`.
    pub(crate) fn read(path: &str, json: &Value) -> Result<Self, Problems> {
        let file: Self = serde_path_to_error::deserialize(json).map_err(|error| {
            let mut pointer = String::new();
            for part in error.path() {
                // Unknown fields and untagged values have no path segment of their own.
                if !matches!(part, serde_path_to_error::Segment::Unknown) {
                    pointer = child_pointer(&pointer, part.to_string().trim_matches(['[', ']']));
                }
            }
            Problem::new("catalog", path, pointer, error.into_inner().to_string())
        })?;
        Problems::check(file.problems(path))?;
        Ok(file)
    }

    fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, paths) in self.fields() {
            for (index, path_of_field) in paths.iter().enumerate() {
                if !path_of_field.pointer().starts_with('/') {
                    let pointer = child_pointer(&child_pointer("", name), index);
                    let message = format!("`{}` is not a JSON Pointer: begin it with /", path_of_field.pointer());
                    problems.push(Problem::new("catalog", path, pointer, message));
                }
            }
        }
        if self.event_type.is_empty() {
            problems.push(Problem::new("catalog", path, "/type", "add at least one path for the event's type"));
        }
        problems
    }

    fn fields(&self) -> Vec<(&'static str, &[FieldPath])> {
        let mut fields: Vec<(&str, &[FieldPath])> = vec![
            ("type", &self.event_type),
            ("time", &self.time),
            ("producer_id", &self.producer_id),
            ("actor", &self.actor),
            ("subject", &self.subject),
            ("entities", &self.entities),
            ("project", &self.project),
            ("environment", &self.environment),
            ("level", &self.level),
        ];
        if let ScopeRule::From(map) = &self.scope {
            fields.push(("scope", std::slice::from_ref(&map.at)));
        }
        fields
    }
}

impl FieldPath {
    /// Returns the JSON Pointer.
    pub fn pointer(&self) -> &str {
        match self {
            Self::Whole(at) | Self::Part(StringPart { at, .. }) => at,
        }
    }
}
