//! Values that show a change, as people would write them.

use serde_json::Value;

use crate::problem::{self, step};

/// A value that `shows` what `found` shows: one of the schema's examples with one thing changed,
/// where that is enough, else `found` without what does not matter.
pub(super) fn readable(found: Value, examples: &[Value], shows: impl Fn(&Value) -> bool) -> Value {
    let found = shrunk(found, &shows);
    examples.iter().find_map(|example| changed(example, &found, &shows)).unwrap_or(found)
}

/// `example` with one value taken from `found`, or left out as in `found`.
fn changed(example: &Value, found: &Value, shows: impl Fn(&Value) -> bool) -> Option<Value> {
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    collect(found, "", &mut theirs);
    collect(example, "", &mut ours);
    // The deepest first: the less is changed, the clearer it is.
    theirs.sort_by_key(|at| std::cmp::Reverse(at.matches('/').count()));
    let taken = theirs.iter().filter_map(|at| put(example, at, found.pointer(at)?.clone()));
    let left_out = ours.iter().rev().filter_map(|at| without(example, at));
    taken.chain(left_out).find(|value| shows(value))
}

/// `value` with `new` at `at`, where there is something to put it into.
fn put(value: &Value, at: &str, new: Value) -> Option<Value> {
    let mut value = value.clone();
    let (parent, key) = at.rsplit_once('/')?;
    match value.pointer_mut(parent)? {
        Value::Object(fields) => drop(fields.insert(problem::key(key), new)),
        Value::Array(items) => *items.get_mut(key.parse::<usize>().ok()?)? = new,
        _ => return None,
    }
    Some(value)
}

/// `value` without what stands at `at`.
fn without(value: &Value, at: &str) -> Option<Value> {
    let mut value = value.clone();
    let (parent, key) = at.rsplit_once('/')?;
    match value.pointer_mut(parent)? {
        Value::Object(fields) => drop(fields.shift_remove(&problem::key(key))),
        Value::Array(items) => {
            let index = key.parse().ok().filter(|index| *index < items.len())?;
            items.remove(index);
        }
        _ => return None,
    }
    Some(value)
}

/// A value as small as it can be while `keeps` holds: fields and items that do not matter go.
fn shrunk(mut value: Value, keeps: impl Fn(&Value) -> bool) -> Value {
    let mut pointers = Vec::new();
    collect(&value, "", &mut pointers);
    // From the end, so that an item's index is right when its turn comes.
    for at in pointers.iter().rev() {
        if let Some(smaller) = without(&value, at).filter(|smaller| keeps(smaller)) {
            value = smaller;
        }
    }
    for at in &pointers {
        let mut simpler = value.clone();
        if let Some(Value::String(text)) = simpler.pointer_mut(at) {
            *text = "x".repeat(text.chars().count());
        }
        if keeps(&simpler) {
            value = simpler;
        }
    }
    value
}

fn collect(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            all.push(step(at, name));
            collect(value, &step(at, name), all);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| {
            all.push(step(at, index));
            collect(value, &step(at, index), all);
        }),
        _ => {}
    }
}
