//! Numbers within bounds, often at their ends.

use serde_json::{Number, Value};

use super::{Schema, keyword};

/// How far from a single bound numbers are sought.
const FAR: f64 = 1e6;
/// Whole numbers up to here are written without a fraction.
const LARGEST: f64 = 9e18;

/// A number that the bounds in `schemas` allow.
pub(super) fn number(schemas: &[&Schema], whole: bool, random: &mut fastrand::Rng) -> Value {
    let at = |name| keyword(schemas, name).into_iter().filter_map(Value::as_f64);
    // The nearest number beyond an exclusive bound that is worth trying.
    let step = |bound: f64| if whole { 1.0 } else { (bound.abs() * 1e-9).max(1e-6) };
    let low = at("minimum").chain(at("exclusiveMinimum").map(|bound| bound + step(bound))).reduce(f64::max);
    let high = at("maximum").chain(at("exclusiveMaximum").map(|bound| bound - step(bound))).reduce(f64::min);
    let (low, high) = match (low, high) {
        (Some(low), Some(high)) => (low, high.max(low)),
        (Some(low), None) => (low, low + FAR),
        (None, Some(high)) => (high - FAR, high),
        (None, None) => (-FAR, FAR),
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
    if whole {
        found = if found.ceil() <= high { found.ceil() } else { found.floor() };
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within i64 as compared")]
    let value = match found.fract() == 0.0 && found.abs() < LARGEST {
        true => Some(Number::from(found as i64)),
        false => Number::from_f64(found),
    };
    value.map_or(Value::Null, Value::Number)
}
