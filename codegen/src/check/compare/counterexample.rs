//! Counterexamples: simplification into values that are easy to read.

use serde_json::Value;

use crate::json_pointer::{child_pointer, unescape_token};

/// Maximum number of changes that are tried to simplify a value.
const MAX_SIMPLIFICATIONS: usize = 400;

/// Returns a simpler value for which `refutes` holds: one of the schema's examples with a single
/// change, if that suffices, or else `found` with everything irrelevant removed.
pub(super) fn simplify_counterexample(found: Value, examples: &[Value], refutes: impl Fn(&Value) -> bool) -> Value {
    let found = shrink(found, &refutes);
    examples.iter().find_map(|example| change_example(example, &found, &refutes)).unwrap_or(found)
}

/// Returns `example` with one value copied from `found`, or with one value removed.
fn change_example(example: &Value, found: &Value, refutes: impl Fn(&Value) -> bool) -> Option<Value> {
    let (mut found_pointers, mut example_pointers) = (Vec::new(), Vec::new());
    collect_pointers(found, "", &mut found_pointers);
    collect_pointers(example, "", &mut example_pointers);
    // The deepest values first, because a smaller change is easier to read.
    found_pointers.sort_by_key(|at| std::cmp::Reverse(at.matches('/').count()));
    let copied = found_pointers.iter().filter_map(|at| with_value(example, at, found.pointer(at)?.clone()));
    let removed = example_pointers.iter().rev().filter_map(|at| without(example, at));
    copied.chain(removed).take(MAX_SIMPLIFICATIONS).find(|value| refutes(value))
}

/// Returns `value` with `new` at `at`, if the parent exists.
fn with_value(value: &Value, at: &str, new: Value) -> Option<Value> {
    let mut value = value.clone();
    let (parent, key) = at.rsplit_once('/')?;
    match value.pointer_mut(parent)? {
        Value::Object(fields) => drop(fields.insert(unescape_token(key), new)),
        Value::Array(items) => *items.get_mut(key.parse::<usize>().ok()?)? = new,
        _ => return None,
    }
    Some(value)
}

/// Returns `value` without the value at `at`.
fn without(value: &Value, at: &str) -> Option<Value> {
    let mut value = value.clone();
    let (parent, key) = at.rsplit_once('/')?;
    match value.pointer_mut(parent)? {
        Value::Object(fields) => drop(fields.shift_remove(&unescape_token(key))),
        Value::Array(items) => {
            let index = key.parse().ok().filter(|index| *index < items.len())?;
            items.remove(index);
        }
        _ => return None,
    }
    Some(value)
}

/// Shrinks a value while `refutes` holds: irrelevant fields and items are removed.
fn shrink(mut value: Value, refutes: impl Fn(&Value) -> bool) -> Value {
    let mut pointers = Vec::new();
    collect_pointers(&value, "", &mut pointers);
    // Backwards, so that a removal does not change the indexes of the remaining pointers.
    for at in pointers.iter().rev().take(MAX_SIMPLIFICATIONS) {
        if let Some(smaller) = without(&value, at).filter(|smaller| refutes(smaller)) {
            value = smaller;
        }
    }
    for at in pointers.iter().take(MAX_SIMPLIFICATIONS) {
        let mut simpler = value.clone();
        if let Some(Value::String(text)) = simpler.pointer_mut(at) {
            *text = "x".repeat(text.chars().count());
        }
        if refutes(&simpler) {
            value = simpler;
        }
    }
    value
}

/// Collects the JSON Pointers of all values in `value`.
fn collect_pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            all.push(child_pointer(at, name));
            collect_pointers(value, &child_pointer(at, name), all);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| {
            all.push(child_pointer(at, index));
            collect_pointers(value, &child_pointer(at, index), all);
        }),
        _ => {}
    }
}
