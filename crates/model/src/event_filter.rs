//! The filter of a target.

use events::{Event, Level, Scope, TIDINGS_SOURCE};
use serde::{Deserialize, Serialize};

use crate::search_filter::{Condition, Field, SearchFilter};

/// The filter of a target. An empty list accepts every value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFilter {
    /// Minimum level of log lines. It applies to `logging` events only.
    pub level: Level,
    /// Accepted scopes.
    pub scopes: Vec<Scope>,
    /// Accepted sources.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Accepted event types.
    #[serde(default)]
    pub events: Vec<String>,
    /// Accepted projects.
    #[serde(default)]
    pub projects: Vec<String>,
    /// Accepted environments.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Lets events without a project pass `projects`, and events without an environment pass `environments`.
    pub include_unscoped: bool,
}

impl Default for EventFilter {
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

/// The part of a target's filter that an event did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilterMismatch {
    /// Name of the target's field.
    pub filter: &'static str,
    /// Explanation for people: the accepted values and the event's value.
    pub reason: String,
}

impl EventFilter {
    /// Checks an event against the filter.
    ///
    /// # Errors
    /// The first part of the filter that the event does not pass.
    pub fn check(&self, event: &Event) -> Result<(), FilterMismatch> {
        let fields = &event.fields;
        if !self.scopes.contains(&fields.scope) {
            let accepted: Vec<String> = self.scopes.iter().map(Scope::to_string).collect();
            let reason = format!("the target accepts {}, the event is {}", accepted.join(", "), fields.scope);
            return Err(FilterMismatch { filter: "scopes", reason });
        }
        if event.catalog == TIDINGS_SOURCE && !self.sources.contains(&event.source) {
            let reason =
                format!("Tidings' own events are delivered only to targets whose `sources` list {:?}", event.source);
            return Err(FilterMismatch { filter: "sources", reason });
        }
        check_value("sources", &self.sources, Some(&event.source), false)?;
        check_value("events", &self.events, Some(&fields.event_type), false)?;
        check_value("projects", &self.projects, fields.project.as_ref(), self.include_unscoped)?;
        check_value("environments", &self.environments, fields.environment.as_ref(), self.include_unscoped)?;
        // A log line without a level passes: one event too many is better than one too few.
        match fields.level {
            Some(level) if fields.scope == Scope::Logging && level < self.level => {
                let reason = format!("the target accepts {} and above, the event is {level}", self.level);
                Err(FilterMismatch { filter: "level", reason })
            }
            _ => Ok(()),
        }
    }

    /// Returns the filter as conditions of a search.
    pub fn conditions(&self) -> Vec<Condition> {
        let levels = [Level::Debug, Level::Info, Level::Warn, Level::Error];
        let levels = levels.iter().filter(|level| **level >= self.level).map(Level::to_string).collect();
        let catalogs: Vec<String> = events::catalogs().map(|catalog| catalog.name().to_owned()).collect();
        let unscoped = self.include_unscoped;
        let mut filter = SearchFilter::default()
            .and(Field::Scope, self.scopes.iter().map(Scope::to_string).collect())
            .and(Field::Source, self.sources.clone())
            .and(Field::Type, self.events.clone());
        if !self.sources.iter().any(|source| source == TIDINGS_SOURCE) {
            filter = filter.and(Field::Catalog, catalogs.into_iter().filter(|name| name != TIDINGS_SOURCE).collect());
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

/// Checks a value against the accepted values of a filter field. A missing value passes if `or_none` is set.
fn check_value(
    filter: &'static str,
    accepted: &[String],
    value: Option<&String>,
    or_none: bool,
) -> Result<(), FilterMismatch> {
    let passes = match value {
        _ if accepted.is_empty() => true,
        Some(value) => accepted.contains(value),
        None => or_none,
    };
    if passes {
        return Ok(());
    }
    let found = value.map_or("none", String::as_str);
    let reason = format!("the target accepts {}, the event has {found}", accepted.join(", "));
    Err(FilterMismatch { filter, reason })
}
