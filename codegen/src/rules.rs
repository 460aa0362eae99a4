//! `catalog.json`: how to read a catalog's events.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::problem::{Problem, Problems, step};

/// A catalog's `catalog.json`.
///
/// Each field lists the places where a value may stand; the first place that holds one wins. A
/// field without places is empty in every event of the catalog.
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
    /// The catalog's name for people.
    pub title: String,
    /// What sends these events.
    pub description: String,
    /// What whoever sends something else should look at first: added to what a refusal says.
    pub hint: Option<String>,
    /// The event's type, which chooses its schema.
    #[serde(rename = "type")]
    pub event_type: Vec<Place>,
    /// The type of events that name none; without it, they are refused.
    pub untyped: Option<String>,
    /// What kind of thing the event reports.
    pub scope: ScopeRule,
    /// When it happened; the time of receipt where no place holds one.
    #[serde(default)]
    pub time: Vec<Place>,
    /// Whether a time that cannot be read counts as none, rather than as a reason to refuse.
    #[serde(default)]
    pub lenient_time: bool,
    /// The producer's own id for the event, a whole number or a string.
    #[serde(default)]
    pub producer_id: Vec<Place>,
    /// Who did it.
    #[serde(default)]
    pub actor: Vec<Place>,
    /// What it was done to; the first entity where no place holds one.
    #[serde(default)]
    pub subject: Vec<Place>,
    /// Everything it was done to: arrays of strings, or strings. All places count.
    #[serde(default)]
    pub entities: Vec<Place>,
    /// The project involved.
    #[serde(default)]
    pub project: Vec<Place>,
    /// The environment involved.
    #[serde(default)]
    pub environment: Vec<Place>,
    /// How severe a log line is; read in events of the scope `logging` only.
    #[serde(default)]
    pub level: Vec<Place>,
    /// What changes of its schemas may do, where they are compared with older ones.
    #[serde(default)]
    pub compatibility: Level,
    /// Whether every string and array must have an upper bound.
    #[serde(default)]
    pub bounded: bool,
}

/// Which readers must understand which writers when a schema changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "check", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// New schemas accept what old ones accepted.
    #[default]
    Backward,
    /// Old schemas accept what new ones accept.
    Forward,
    /// Both.
    Full,
    /// Anything goes.
    None,
}

/// Where a value stands: a JSON Pointer, or a part of the string there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a JSON Pointer such as \"/data/name\", or {\"at\": pointer, \"after\": text, \"before\": text}"
)]
pub enum Place {
    /// The whole value.
    Whole(String),
    /// A part of a string.
    Part(Part),
}

/// A part of the string at a JSON Pointer. A delimiter that is not in the string cuts nothing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// JSON Pointer to the string.
    pub at: String,
    /// The part begins after the first of these.
    pub after: Option<String>,
    /// The part ends before the last of these.
    pub before: Option<String>,
}

/// What kind of thing an event reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Something was done.
    Lifecycle,
    /// A service's log line.
    Logging,
    /// A signal from an outside system.
    Signal,
}

/// How an event's scope is found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"lifecycle\", \"logging\" or \"signal\", or {\"at\": pointer, \"values\": {text: scope}, \"otherwise\": scope}"
)]
pub enum ScopeRule {
    /// All events have the same.
    Always(Scope),
    /// A string in the event decides.
    From(ScopeMap),
}

/// How a string in the event decides its scope.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeMap {
    /// Where the string stands.
    pub at: Place,
    /// The scope for each string.
    pub values: BTreeMap<String, Scope>,
    /// The scope for all others.
    pub otherwise: Scope,
}

impl CatalogFile {
    /// Reads and checks the `catalog.json` at `path`.
    pub(crate) fn read(path: &str, json: &Value) -> Result<Self, Problems> {
        let file: Self = serde_path_to_error::deserialize(json).map_err(|error| {
            let mut pointer = String::new();
            for part in error.path() {
                // Unknown fields and values that are no struct have no step of their own.
                if !matches!(part, serde_path_to_error::Segment::Unknown) {
                    pointer = step(&pointer, part.to_string().trim_matches(['[', ']']));
                }
            }
            Problem::new("catalog", path, pointer, error.into_inner().to_string())
        })?;
        Problems::check(file.problems(path))?;
        Ok(file)
    }

    fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, places) in self.fields() {
            for (index, place) in places.iter().enumerate() {
                if !place.at().starts_with('/') {
                    let pointer = step(&step("", name), index);
                    let message = format!("`{}` is no JSON Pointer: begin it with /", place.at());
                    problems.push(Problem::new("catalog", path, pointer, message));
                }
            }
        }
        if self.event_type.is_empty() {
            problems.push(Problem::new("catalog", path, "/type", "name at least one place for the event's type"));
        }
        problems
    }

    fn fields(&self) -> Vec<(&'static str, &[Place])> {
        let mut fields: Vec<(&str, &[Place])> = vec![
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

impl Place {
    /// The JSON Pointer.
    pub fn at(&self) -> &str {
        match self {
            Self::Whole(at) | Self::Part(Part { at, .. }) => at,
        }
    }
}
