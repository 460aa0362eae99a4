//! Filter parameters of searches, exports, facets, the timeline and replays.

use model::defaults::MAX_SEARCH_TEXT_CHARS;
use model::{Condition, FILTER_FIELDS, Field, FieldValues, FilterField, LEVELS, SCOPES, SearchFilter, TextQuery};
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::join_parameters;
use crate::operation::{Parameter, SchemaOf};
use crate::problem::Problem;
use crate::query_params::{Params, invalid_parameter, list_schema};
use crate::time_range::parse_time_range;

/// The parameters of [`FILTER_FIELDS`]: all but `type`, and `type`.
const PARAMETERS_OF_FIELDS: ([Parameter; FILTER_FIELDS.len() - 1], Parameter) = field_parameters();

/// The parameters of the time range.
const TIME_PARAMETERS: [Parameter; 2] = [
    Parameter::query(
        "from",
        "Beginning of the time range, inclusive: a date (from its beginning, in UTC), a time (RFC 3339; seconds and offset \
            may be missing), or a Unix time in seconds, milliseconds, microseconds or nanoseconds.",
        time_schema,
        r#""2026-05-01""#,
    ),
    Parameter::query(
        "to",
        "End of the time range, inclusive: a date (to its end, in UTC), a time (RFC 3339; seconds and offset may be \
            missing), or a Unix time in seconds, milliseconds, microseconds or nanoseconds.",
        time_schema,
        r#""2026-05-01T12:00:00Z""#,
    ),
];

/// Filters by an event's fields and its time.
pub const FIELD_PARAMETERS: &[Parameter] = join_parameters!(&PARAMETERS_OF_FIELDS.0, &TIME_PARAMETERS);

/// Filters by an event's type and text.
pub const TEXT_PARAMETERS: [Parameter; 2] = [
    PARAMETERS_OF_FIELDS.1,
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
pub const PARAMETERS: &[Parameter] = join_parameters!(FIELD_PARAMETERS, &TEXT_PARAMETERS);

/// Parses [`PARAMETERS`] as a filter.
///
/// # Errors
/// If a parameter is invalid.
pub fn parse(params: &Params) -> Result<SearchFilter, Problem> {
    let text = params.bounded_text("q", MAX_SEARCH_TEXT_CHARS)?.map(TextQuery::words).transpose();
    let text = text.map_err(|error| invalid_parameter("q", &error.to_string()))?;
    let filter = SearchFilter { text, ..parse_fields(params)? };
    add_conditions(filter, params, |field| field == Field::Type)
}

/// Parses [`FIELD_PARAMETERS`] as a filter.
///
/// # Errors
/// If a parameter is invalid.
pub fn parse_fields(params: &Params) -> Result<SearchFilter, Problem> {
    let (from, until) = parse_time_range(params)?;
    add_conditions(SearchFilter { from, until, ..SearchFilter::default() }, params, |field| field != Field::Type)
}

/// Adds the conditions of some of the filter fields, in the order of their table.
fn add_conditions(
    filter: SearchFilter,
    params: &Params,
    is_included: impl Fn(Field) -> bool,
) -> Result<SearchFilter, Problem> {
    FILTER_FIELDS.iter().filter(|field| is_included(field.field)).try_fold(filter, |filter, field| {
        let values = match field.values {
            FieldValues::Text => params.list(field.name)?,
            FieldValues::Catalogs => params.choices(field.name, &catalog_names())?,
            FieldValues::Scopes => params.choices(field.name, &SCOPES)?,
            FieldValues::Levels => params.choices(field.name, &LEVELS)?,
        };
        Ok(filter.and(field.field, values))
    })
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

const fn field_parameters() -> ([Parameter; FILTER_FIELDS.len() - 1], Parameter) {
    let mut parameters = [parameter(&FILTER_FIELDS[0]); FILTER_FIELDS.len() - 1];
    let mut type_parameter = parameters[0];
    let (mut from, mut to) = (0, 0);
    while from < FILTER_FIELDS.len() {
        if matches!(FILTER_FIELDS[from].field, Field::Type) {
            type_parameter = parameter(&FILTER_FIELDS[from]);
        } else {
            parameters[to] = parameter(&FILTER_FIELDS[from]);
            to += 1;
        }
        from += 1;
    }
    (parameters, type_parameter)
}

const fn parameter(field: &FilterField) -> Parameter {
    let schema: SchemaOf = match field.values {
        FieldValues::Text => list_schema,
        FieldValues::Catalogs => catalog_schema,
        FieldValues::Scopes => scope_schema,
        FieldValues::Levels => level_schema,
    };
    Parameter::query(field.name, field.description, schema, field.example)
}

fn catalog_names() -> Vec<&'static str> {
    events::catalogs().map(events::Catalog::name).collect()
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
    choices_schema(&catalog_names())
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

/// The forms of a time other than `date-time`: see `events::parse_time` and `events::parse_unix_time`.
const OTHER_TIME_PATTERN: &str = r"^([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([.,][0-9]+)?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?|[0-9]{9,19}([.][0-9]+)?)$";

fn time_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "type": "string", "format": "date" },
            { "type": "string", "format": "date-time" },
            { "type": "string", "pattern": OTHER_TIME_PATTERN },
        ],
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
