//! Which events a target wants.

use ::events::{Event, Level, Scope};
use serde::{Deserialize, Serialize};

use crate::change::OWN;
use crate::search::{Condition, Field, Filter};

/// The filters of a target. An empty list lets everything pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The least severe log line; bounds `logging` events only.
    pub level: Level,
    /// The scopes.
    pub scopes: Vec<Scope>,
    /// The sources.
    #[serde(default)]
    pub sources: Vec<String>,
    /// The types.
    #[serde(default)]
    pub events: Vec<String>,
    /// The projects.
    #[serde(default)]
    pub projects: Vec<String>,
    /// The environments.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Whether an event of no project passes the filter of projects, and one of no environment that of
    /// environments.
    pub include_unscoped: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            level: Level::Warn,
            scopes: vec![Scope::Lifecycle, Scope::Logging],
            sources: Vec::new(),
            events: Vec::new(),
            projects: Vec::new(),
            environments: Vec::new(),
            include_unscoped: true,
        }
    }
}

/// The filter of a target that an event did not pass, with what would have passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotWanted {
    /// The target's field.
    pub filter: &'static str,
    /// Why the event does not pass, in words.
    pub reason: String,
}

impl Wanted {
    /// Whether an event passes, and if not, which filter says so.
    pub fn passes(&self, event: &Event) -> Result<(), NotWanted> {
        let fields = &event.fields;
        if !self.scopes.contains(&fields.scope) {
            let taken: Vec<String> = self.scopes.iter().map(Scope::to_string).collect();
            let reason = format!("the target takes {}, the event is {}", taken.join(", "), fields.scope);
            return Err(NotWanted { filter: "scopes", reason });
        }
        let named = self.sources.contains(&event.source);
        if event.catalog == OWN && !named {
            let reason = format!("Tidings' own events go to targets whose `sources` name {:?}", event.source);
            return Err(NotWanted { filter: "sources", reason });
        }
        one_of("sources", &self.sources, Some(&event.source), false)?;
        one_of("events", &self.events, Some(&fields.event_type), false)?;
        one_of("projects", &self.projects, fields.project.as_ref(), self.include_unscoped)?;
        one_of("environments", &self.environments, fields.environment.as_ref(), self.include_unscoped)?;
        // A log line whose level nobody knows is let through: rather one too many than one lost.
        match fields.level {
            Some(level) if fields.scope == Scope::Logging && level < self.level => {
                let reason = format!("the target takes {} and above, the event is {level}", self.level);
                Err(NotWanted { filter: "level", reason })
            }
            _ => Ok(()),
        }
    }

    /// The same as the conditions of a search.
    pub fn conditions(&self) -> Vec<Condition> {
        let levels = [Level::Debug, Level::Info, Level::Warn, Level::Error];
        let levels = levels.iter().filter(|level| **level >= self.level).map(Level::to_string).collect();
        let catalogs: Vec<String> = ::events::catalogs().map(|catalog| catalog.name().to_owned()).collect();
        let unscoped = self.include_unscoped;
        let mut filter = Filter::default()
            .and(Field::Scope, self.scopes.iter().map(Scope::to_string).collect())
            .and(Field::Source, self.sources.clone())
            .and(Field::Type, self.events.clone());
        if !self.sources.iter().any(|source| source == OWN) {
            filter = filter.and(Field::Catalog, catalogs.into_iter().filter(|name| name != OWN).collect());
        }
        filter = filter.and(Field::Level, levels);
        if let Some(level) = filter.conditions.last_mut() {
            level.or_none = true;
        }
        for (field, values) in [(Field::Project, &self.projects), (Field::Environment, &self.environments)] {
            if !values.is_empty() {
                filter.conditions.push(Condition { field, values: values.clone(), or_none: unscoped });
            }
        }
        filter.conditions
    }
}

/// Whether a value is among those that a filter takes; no value passes where `or_none`.
fn one_of(filter: &'static str, taken: &[String], value: Option<&String>, or_none: bool) -> Result<(), NotWanted> {
    let passes = match value {
        _ if taken.is_empty() => true,
        Some(value) => taken.contains(value),
        None => or_none,
    };
    if passes {
        return Ok(());
    }
    let found = value.map_or("none", String::as_str);
    Err(NotWanted { filter, reason: format!("the target takes {}, the event's is {found}", taken.join(", ")) })
}
