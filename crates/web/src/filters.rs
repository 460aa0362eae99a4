//! The filters that searches, exports, facets, the timeline and replays have in common.

use model::{Condition, Field, SearchFilter, TextQuery};
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::join_parameters;
use crate::operation::Parameter;
use crate::problem::Problem;
use crate::query_params::{Params, list_schema};
use crate::time_range::parse_time_range;

/// The most characters that `q` may have.
const MAX_TEXT: usize = 1000;

const SCOPES: [&str; 3] = ["lifecycle", "logging", "signal"];
const LEVELS: [&str; 4] = ["DEBUG", "INFO", "WARN", "ERROR"];

/// What an event may be asked for by its fields and its time.
pub const FIELD_PARAMETERS: [Parameter; 11] = [
    filter("source", "The sources that sent it.", r#"["unleash-prod"]"#),
    Parameter::query("catalog", "The catalogs of those sources.", catalogs, r#"["unleash"]"#),
    Parameter::query("scope", "What kind of thing it reports.", scopes, r#"["lifecycle"]"#),
    filter("subject", "What it was done to.", r#"["dark-mode"]"#),
    filter(
        "entity",
        "Any of what it was done to: one of `entities`, of which events of Unleash and signals have none; those are \
            found by `subject`.",
        r#"["/1.0/instances/a"]"#,
    ),
    filter("actor", "Who did it.", r#"["ada@example.org"]"#),
    filter("project", "The projects involved.", r#"["web"]"#),
    filter("environment", "The environments involved.", r#"["production"]"#),
    Parameter::query("level", "The severity of a log line.", levels, r#"["ERROR"]"#),
    Parameter::query(
        "from",
        "The first moment of the range: a date (its first moment, in UTC) or a time.",
        time,
        r#""2026-05-01""#,
    ),
    Parameter::query(
        "to",
        "The last moment of the range, which belongs to it: a date (its last moment, in UTC) or a time.",
        time,
        r#""2026-05-01T12:00:00Z""#,
    ),
];

/// What an event may be asked for by its type and its text.
pub const TEXT_PARAMETERS: [Parameter; 2] = [
    filter("type", "Its types.", r#"["feature-tagged", "feature-untagged"]"#),
    Parameter::query(
        "q",
        "A part of its payload, as its producer wrote it. Upper and lower case are the same: both are compared in lower \
            case, character by character.",
        part,
        r#""dark-mode""#,
    ),
];

/// All of them.
pub const PARAMETERS: &[Parameter] = join_parameters!(&FIELD_PARAMETERS, &TEXT_PARAMETERS);

/// The filter that the parameters stand for.
///
/// # Errors
/// The parameter that cannot be read.
pub fn parse(params: &Params) -> Result<SearchFilter, Problem> {
    let text = params.bounded_text("q", MAX_TEXT)?.map(TextQuery::part);
    let filter = SearchFilter { text, ..parse_fields(params)? };
    Ok(filter.and(Field::Type, params.list("type")?))
}

/// The filter of [`FIELD_PARAMETERS`].
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

/// The same filter, which lets pass what belongs to no environment.
pub fn with_any_environment(mut filter: SearchFilter) -> SearchFilter {
    let environment = |condition: &&mut Condition| condition.field == Field::Environment;
    if let Some(condition) = filter.conditions.iter_mut().find(environment) {
        condition.or_none = true;
    }
    filter
}

/// A filter that was read of these parameters in one spelling, for the cursor: however its values were written.
pub fn canonical(params: &Params, filter: &SearchFilter, ascending: bool) -> String {
    let SearchFilter { conditions, from, until, .. } = filter;
    let all = (conditions, from, until, params.get("q"), ascending);
    // It is made of our own types, whose keys are texts.
    serde_json::to_string(&all).unwrap_or_default()
}

const fn filter(name: &'static str, description: &'static str, example: &'static str) -> Parameter {
    Parameter::query(name, description, list_schema, example)
}

fn words(words: &[&str]) -> Schema {
    json_schema!({
        "description": "Any of these, separated by commas.",
        "type": "array",
        "minItems": 1,
        "items": { "enum": words },
    })
}

fn catalogs(_: &mut SchemaGenerator) -> Schema {
    words(&events::catalogs().map(events::Catalog::name).collect::<Vec<_>>())
}

fn scopes(_: &mut SchemaGenerator) -> Schema {
    words(&SCOPES)
}

fn levels(_: &mut SchemaGenerator) -> Schema {
    words(&LEVELS)
}

fn part(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_TEXT })
}

fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{ "type": "string", "format": "date" }, { "type": "string", "format": "date-time" }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_filters_that_are_the_same_are_spelled_the_same() {
        let spelled = |query: &str| {
            let params = Params::parse_query(query, PARAMETERS).unwrap();
            canonical(&params, &parse(&params).unwrap(), false)
        };
        let alike = [
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
        for (at, spellings) in alike.iter().enumerate() {
            assert!(spellings.iter().all(|query| spelled(query) == spelled(spellings[0])), "{spellings:?}");
            for others in &alike[at + 1..] {
                assert_ne!(spelled(spellings[0]), spelled(others[0]));
            }
        }
    }
}
