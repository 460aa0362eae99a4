//! Implication between keywords that hold no schemas.

use std::cmp::Ordering;

use serde_json::{Number, Value, json};

use super::disjointness::{constants, possible_types};
use super::pattern_inclusion::{Inclusion, pattern_inclusion};
use super::schema_view::SchemaView;
use crate::dialect::is_checked_format;

/// Pairs of formats of which the second accepts every value of the first.
pub(super) const WIDER_FORMATS: [(&str, &str); 5] = [
    ("uri", "uri-reference"),
    ("uri", "iri"),
    ("uri", "iri-reference"),
    ("uri-reference", "iri-reference"),
    ("iri", "iri-reference"),
];

/// Returns the type of the values that a keyword restricts, if it restricts only one type.
pub(super) fn relevant_type(keyword: &str) -> Option<&'static str> {
    Some(match keyword {
        "additionalProperties"
        | "dependentRequired"
        | "dependentSchemas"
        | "maxProperties"
        | "minProperties"
        | "patternProperties"
        | "properties"
        | "propertyNames"
        | "required"
        | "unevaluatedProperties" => "object",
        "contains" | "items" | "maxContains" | "maxItems" | "minContains" | "minItems" | "prefixItems"
        | "unevaluatedItems" | "uniqueItems" => "array",
        "format" | "maxLength" | "minLength" | "pattern" => "string",
        // An integer is a number too.
        "exclusiveMaximum" | "exclusiveMinimum" | "maximum" | "minimum" | "multipleOf" => "integer",
        _ => return None,
    })
}

/// Returns whether `keyword` of `reader` accepts every value that satisfies all of `written`.
pub(super) fn implies_keyword(keyword: &str, reader: SchemaView<'_>, written: &[SchemaView<'_>]) -> bool {
    let Some(value) = reader.get(keyword) else { return true };
    let text = |view: &SchemaView<'_>| view.get(keyword).and_then(Value::as_str).map(str::to_owned);
    match keyword {
        "type" => {
            let allowed = possible_types(&[SchemaView { root: value, schema: &json!({ "type": value }) }]);
            possible_types(written).is_subset(&allowed)
        }
        "const" => written.iter().any(|view| constants(*view).is_some_and(|list| list.iter().all(|v| *v == value))),
        "enum" => {
            let allowed = value.as_array().map_or(&[][..], Vec::as_slice);
            written.iter().any(|view| constants(*view).is_some_and(|list| list.iter().all(|v| allowed.contains(v))))
        }
        "pattern" => {
            let Some(pattern) = value.as_str() else { return false };
            written
                .iter()
                .filter_map(text)
                .any(|other| other == pattern || pattern_inclusion(pattern, &other) == Inclusion::Yes)
        }
        "format" => {
            let Some(format) = value.as_str() else { return false };
            !is_checked_format(format)
                || written
                    .iter()
                    .filter_map(text)
                    .any(|other| other == format || WIDER_FORMATS.contains(&(other.as_str(), format)))
        }
        "uniqueItems" => *value != json!(true) || written.iter().any(|view| view.get(keyword) == Some(value)),
        "minimum" => has_bound(value, written, &[("minimum", false), ("exclusiveMinimum", false)], Ordering::Less),
        "maximum" => has_bound(value, written, &[("maximum", false), ("exclusiveMaximum", false)], Ordering::Greater),
        "exclusiveMinimum" => has_bound(value, written, &[("minimum", true), (keyword, false)], Ordering::Less),
        "exclusiveMaximum" => has_bound(value, written, &[("maximum", true), (keyword, false)], Ordering::Greater),
        "minLength" | "minItems" | "minProperties" => {
            compare_numbers(value, &json!(0)) == Some(Ordering::Equal)
                || has_bound(value, written, &[(keyword, false)], Ordering::Less)
                || (keyword == "minProperties" && has_required_fields(value, written))
        }
        "maxLength" | "maxItems" | "maxProperties" => has_bound(value, written, &[(keyword, false)], Ordering::Greater),
        "multipleOf" => written.iter().any(|view| is_multiple(view.get(keyword), value)),
        // These keywords depend on the schema as a whole.
        "propertyNames" | "unevaluatedItems" | "unevaluatedProperties" => *value == json!(true),
        // Other keywords, such as `contentEncoding`, must not have changed.
        _ => written.iter().any(|view| view.get(keyword) == Some(value)),
    }
}

/// Returns whether a bound of `written` is at least as tight as `bound`. `looser` is the order of a bound
/// that is not; a bound may also have to be strictly tighter.
fn has_bound(bound: &Value, written: &[SchemaView<'_>], keywords: &[(&str, bool)], looser: Ordering) -> bool {
    keywords.iter().any(|(keyword, is_strict)| {
        let mut bounds = written.iter().filter_map(|view| view.get(keyword));
        bounds.any(|other| {
            let order = compare_numbers(other, bound);
            order.is_some_and(|order| order != looser && !(*is_strict && order == Ordering::Equal))
        })
    })
}

fn has_required_fields(least: &Value, written: &[SchemaView<'_>]) -> bool {
    let required: std::collections::BTreeSet<_> = written.iter().flat_map(|view| view.strings("required")).collect();
    least.as_u64().is_some_and(|least| required.len() as u64 >= least)
}

/// Returns whether every multiple of `number` is one of `factor`.
fn is_multiple(number: Option<&Value>, factor: &Value) -> bool {
    let whole = |value: &Value| value.as_i64().filter(|value| *value > 0);
    let Some(number) = number else { return false };
    number == factor || whole(number).zip(whole(factor)).is_some_and(|(number, factor)| number % factor == 0)
}

/// Compares two numbers exactly, or returns `None` if one of them is not a number or not exact.
pub(super) fn compare_numbers(one: &Value, other: &Value) -> Option<Ordering> {
    let (Value::Number(one), Value::Number(other)) = (one, other) else { return None };
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    if let (Some(one), Some(other)) = (whole(one), whole(other)) {
        return Some(one.cmp(&other));
    }
    let is_exact =
        |number: &Number| whole(number).is_none_or(|whole| whole.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS);
    (is_exact(one) && is_exact(other)).then(|| one.as_f64()?.partial_cmp(&other.as_f64()?)).flatten()
}
