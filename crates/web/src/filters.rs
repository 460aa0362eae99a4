//! Filter parameters of searches, exports, facets, the timeline and replays.

use model::defaults::MAX_SEARCH_TEXT_CHARS;
use model::{Condition, Field, SearchFilter, TextQuery};
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::join_parameters;
use crate::operation::Parameter;
use crate::problem::Problem;
use crate::query_params::{Params, invalid_parameter, list_schema};
use crate::time_range::parse_time_range;

/// Scopes of events.
pub const SCOPES: [&str; 3] = ["lifecycle", "logging", "signal"];

/// Levels of logging events, from the least to the most severe.
pub const LEVELS: [&str; 4] = ["DEBUG", "INFO", "WARN", "ERROR"];

/// Filters by an event's fields and its time.
pub const FIELD_PARAMETERS: [Parameter; 11] = [
    filter("source", "Sources that sent the event.", r#"["unleash-prod"]"#),
    Parameter::query("catalog", "Catalogs of those sources.", catalog_schema, r#"["unleash"]"#),
    Parameter::query(
        "scope",
        "Scope of the event: a change, a log line, or a signal.",
        scope_schema,
        r#"["lifecycle"]"#,
    ),
    filter("subject", "Subject of the event: the object that it is about.", r#"["dark-mode"]"#),
    filter(
        "entity",
        "Any object that the event is about: a member of `entities`. Events of Unleash and signals have no entities; use \
            `subject` for them.",
        r#"["/1.0/instances/a"]"#,
    ),
    filter("actor", "Actor: who or what caused the event.", r#"["ada@example.org"]"#),
    filter("project", "Projects that the event belongs to.", r#"["web"]"#),
    filter("environment", "Environments that the event belongs to.", r#"["production"]"#),
    Parameter::query("level", "Severity of a log line.", level_schema, r#"["ERROR"]"#),
    Parameter::query(
        "from",
        "Beginning of the time range, inclusive: a date (from its beginning, in UTC) or a time.",
        time_schema,
        r#""2026-05-01""#,
    ),
    Parameter::query(
        "to",
        "End of the time range, inclusive: a date (to its end, in UTC) or a time.",
        time_schema,
        r#""2026-05-01T12:00:00Z""#,
    ),
];

/// Filters by an event's type and text.
pub const TEXT_PARAMETERS: [Parameter; 2] = [
    filter("type", "Types of the event.", r#"["feature-tagged", "feature-untagged"]"#),
    Parameter::query(
        "q",
        "Words that the event contains: in its payload, in its label and summary, as its id, or as the id of one of its \
            webhooks. Every word must be found; put a phrase into quotation marks. The payload is searched as it was \
            sent and with its strings decoded. The search ignores case (Unicode's full case folding).",
        text_part_schema,
        r#""dark-mode""#,
    ),
];

/// All filter parameters.
pub const PARAMETERS: &[Parameter] = join_parameters!(&FIELD_PARAMETERS, &TEXT_PARAMETERS);

/// Parses [`PARAMETERS`] as a filter.
///
/// # Errors
/// If a parameter is invalid.
pub fn parse(params: &Params) -> Result<SearchFilter, Problem> {
    let text = params.bounded_text("q", MAX_SEARCH_TEXT_CHARS)?.map(TextQuery::words).transpose();
    let text = text.map_err(|error| invalid_parameter("q", &error.to_string()))?;
    let filter = SearchFilter { text, ..parse_fields(params)? };
    Ok(filter.and(Field::Type, params.list("type")?))
}

/// Parses [`FIELD_PARAMETERS`] as a filter.
///
/// # Errors
/// If a parameter is invalid.
pub fn parse_fields(params: &Params) -> Result<SearchFilter, Problem> {
    let (from, until) = parse_time_range(params)?;
    let catalogs: Vec<&str> = events::catalogs().map(events::Catalog::name).collect();
    let filter = SearchFilter { from, until, ..SearchFilter::default() };
    Ok(filter
        .and(Field::Source, params.list("source")?)
        .and(Field::Catalog, params.choices("catalog", &catalogs)?)
        .and(Field::Scope, params.choices("scope", &SCOPES)?)
        .and(Field::Subject, params.list("subject")?)
        .and(Field::Entity, params.list("entity")?)
        .and(Field::Actor, params.list("actor")?)
        .and(Field::Project, params.list("project")?)
        .and(Field::Environment, params.list("environment")?)
        .and(Field::Level, params.choices("level", &LEVELS)?))
}

/// Returns the filter, extended to also match events without an environment.
pub fn with_any_environment(mut filter: SearchFilter) -> SearchFilter {
    let environment = |condition: &&mut Condition| condition.field == Field::Environment;
    if let Some(condition) = filter.conditions.iter_mut().find(environment) {
        condition.or_none = true;
    }
    filter
}

/// Returns a canonical spelling of a filter that was parsed from these parameters, which a cursor is bound to.
pub fn canonical(params: &Params, filter: &SearchFilter, ascending: bool) -> String {
    let SearchFilter { conditions, from, until, .. } = filter;
    let all = (conditions, from, until, params.get("q"), ascending);
    // Serialisation cannot fail: these are our own types, whose map keys are strings.
    serde_json::to_string(&all).unwrap_or_default()
}

const fn filter(name: &'static str, description: &'static str, example: &'static str) -> Parameter {
    Parameter::query(name, description, list_schema, example)
}

fn choices_schema(choices: &[&str]) -> Schema {
    json_schema!({
        "description": "One or more of the values, separated by commas.",
        "type": "array",
        "minItems": 1,
        "items": { "enum": choices },
    })
}

fn catalog_schema(_: &mut SchemaGenerator) -> Schema {
    choices_schema(&events::catalogs().map(events::Catalog::name).collect::<Vec<_>>())
}

fn scope_schema(_: &mut SchemaGenerator) -> Schema {
    choices_schema(&SCOPES)
}

fn level_schema(_: &mut SchemaGenerator) -> Schema {
    choices_schema(&LEVELS)
}

fn text_part_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_SEARCH_TEXT_CHARS })
}

fn time_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{ "type": "string", "format": "date" }, { "type": "string", "format": "date-time" }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_filters_have_the_same_spelling() {
        let spelling = |query: &str| {
            let params = Params::parse_query(query, PARAMETERS).unwrap();
            canonical(&params, &parse(&params).unwrap(), false)
        };
        let groups = [
            &["subject=a&entity=b", "entity=b&subject=a", "entity=%22b%22&subject=a,%20a"][..],
            &["subject=%22a%22,b", "subject=b,%20a"],
            &["from=2026-05-01", "from=2026-05-01T00:00:00Z"],
            &["subject=f1&entity=f1"],
            &["subject=f1%0Aentity=f1"],
            &["subject=f1%0A%20entity=f1"],
            &["q=f1"],
            &["to=2026-05-01"],
            &["subject=%22a,b%22"],
        ];
        for (at, spellings) in groups.iter().enumerate() {
            assert!(spellings.iter().all(|query| spelling(query) == spelling(spellings[0])), "{spellings:?}");
            for others in &groups[at + 1..] {
                assert_ne!(spelling(spellings[0]), spelling(others[0]));
            }
        }
    }
}
