//! Sampling of numbers: within bounds, often at their ends.

use serde_json::{Number, Value};

use super::schema_list::{Schema, values};

/// Width of the range if only one bound is given.
const OPEN_RANGE_WIDTH: f64 = 1e6;
/// Bound of the whole numbers that are generated as JSON integers.
const MAX_INTEGER: f64 = 9e18;

/// Generates a number within the bounds of `schemas`.
pub(super) fn sample_number(schemas: &[&Schema], is_integer: bool, random: &mut fastrand::Rng) -> Value {
    let at = |name| values(schemas, name).into_iter().filter_map(Value::as_f64);
    // Distance of the nearest candidate from an exclusive bound.
    let step = |bound: f64| if is_integer { 1.0 } else { (bound.abs() * 1e-9).max(1e-6) };
    let low = at("minimum").chain(at("exclusiveMinimum").map(|bound| bound + step(bound))).reduce(f64::max);
    let high = at("maximum").chain(at("exclusiveMaximum").map(|bound| bound - step(bound))).reduce(f64::min);
    let (low, high) = match (low, high) {
        (Some(low), Some(high)) => (low, high.max(low)),
        (Some(low), None) => (low, low + OPEN_RANGE_WIDTH),
        (None, Some(high)) => (high - OPEN_RANGE_WIDTH, high),
        (None, None) => (-OPEN_RANGE_WIDTH, OPEN_RANGE_WIDTH),
    };
    let mut found = match random.u8(..6) {
        0 => low,
        1 => high,
        2 if low <= 0.0 && high >= 0.0 => 0.0,
        _ => low + random.f64() * (high - low),
    };
    if let Some(factor) = at("multipleOf").find(|factor| *factor > 0.0) {
        found = (found / factor).ceil() * factor;
    }
    if is_integer {
        found = if found.ceil() <= high { found.ceil() } else { found.floor() };
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within the range of i64")]
    let value = match found.fract() == 0.0 && found.abs() < MAX_INTEGER {
        true => Some(Number::from(found as i64)),
        false => Number::from_f64(found),
    };
    value.map_or(Value::Null, Value::Number)
}
