//! Rules for the fields of an object: `properties`, `required` and `patternProperties`.

use serde_json::{Map, Value, json};

use super::edit_recorder::{EditRecorder, edit};
use super::schema_pair::SchemaPair;
use crate::check::compare::edit::{Effect, Operation};

/// Records properties that only one version declares.
pub(super) fn record_removed_and_added(recorder: &mut EditRecorder, pair: &SchemaPair<'_>) {
    for (name, _) in properties(pair.old).filter(|(name, _)| !declares(pair.new, name)) {
        record_removed(recorder, pair, name);
    }
    for (name, schema) in properties(pair.new).filter(|(name, _)| !declares(pair.old, name)) {
        record_added(recorder, pair, name, schema);
    }
}

fn record_removed(recorder: &mut EditRecorder, pair: &SchemaPair<'_>, name: &str) {
    let (old_required, new_required) = pair.lists("required");
    let was_required = contains(old_required, name) && !contains(new_required, name);
    let pointer = pair.old_pointer(&["properties", name]);
    let mut operations = vec![Operation::Remove(pointer.clone())];
    if was_required {
        operations.push(Operation::Put(pair.old_pointer(&["required"]), without(old_required, name)));
    }
    let (effect, message) = match was_required {
        true => (Effect::Widens, format!("the required property `{name}` was removed")),
        false => (Effect::Keeps, format!("the property `{name}` was removed")),
    };
    recorder.push(edit("property-removed", pointer, false, effect, message, operations));
}

fn record_added(recorder: &mut EditRecorder, pair: &SchemaPair<'_>, name: &str, schema: &Value) {
    let (old_required, new_required) = pair.lists("required");
    let is_required = contains(new_required, name) && !contains(old_required, name);
    let mut operations = Vec::new();
    if !pair.old.contains_key("properties") {
        operations.push(Operation::Put(pair.old_pointer(&["properties"]), json!({})));
    }
    operations.push(Operation::Put(pair.old_pointer(&["properties", name]), schema.clone()));
    if is_required {
        operations.push(Operation::Put(pair.old_pointer(&["required"]), with(old_required, name)));
    }
    let (rule, effect, message) = match is_required {
        true => ("required-property-added", Effect::Narrows, format!("the required property `{name}` was added")),
        false => ("property-added", Effect::Keeps, format!("the optional property `{name}` was added")),
    };
    recorder.push(edit(rule, pair.new_pointer(&["properties", name]), true, effect, message, operations));
}

/// Records properties that became required or optional.
pub(super) fn record_required_changes(recorder: &mut EditRecorder, pair: &SchemaPair<'_>) {
    let (old_required, new_required) = pair.lists("required");
    let added = new_required.iter().filter(|name| !old_required.contains(name));
    for name in old_required.iter().chain(added) {
        let name = name.as_str().unwrap_or_default();
        // An added or removed property is recorded together with its requirement.
        if declares(pair.old, name) == declares(pair.new, name) {
            record_required_change(recorder, pair, name);
        }
    }
}

fn record_required_change(recorder: &mut EditRecorder, pair: &SchemaPair<'_>, name: &str) {
    let (old_required, new_required) = pair.lists("required");
    let (was_required, is_required) = (contains(old_required, name), contains(new_required, name));
    let (rule, effect, list, verb) = match (was_required, is_required) {
        (false, true) => ("property-made-required", Effect::Narrows, with(old_required, name), "is now required"),
        (true, false) => {
            ("property-made-optional", Effect::Widens, without(old_required, name), "is no longer required")
        }
        _ => return,
    };
    let in_new = is_required || pair.new.contains_key("required");
    let pointer = if in_new { pair.new_pointer(&["required"]) } else { pair.old_pointer(&["required"]) };
    let operations = vec![Operation::Put(pair.old_pointer(&["required"]), list)];
    recorder.push(edit(rule, pointer, in_new, effect, format!("the property `{name}` {verb}"), operations));
}

/// Records a pattern of `patternProperties` that only one version has.
pub(super) fn record_pattern_change(recorder: &mut EditRecorder, pair: &SchemaPair<'_>, pattern: &str, is_added: bool) {
    let (rule, effect, message) = match is_added {
        true => ("property-pattern-added", Effect::Narrows, format!("fields that match {pattern} now have a schema")),
        false => {
            ("property-pattern-removed", Effect::Widens, format!("fields that match {pattern} no longer have a schema"))
        }
    };
    recorder.record(pair, rule, &["patternProperties", pattern], effect, message).affects_unknown_fields = true;
}

fn properties(schema: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn declares(schema: &Map<String, Value>, name: &str) -> bool {
    schema.get("properties").is_some_and(|properties| properties.get(name).is_some())
}

fn contains(list: &[Value], name: &str) -> bool {
    list.iter().any(|other| other == name)
}

fn with(list: &[Value], name: &str) -> Value {
    list.iter().cloned().chain([json!(name)]).collect()
}

fn without(list: &[Value], name: &str) -> Value {
    list.iter().filter(|other| *other != name).cloned().collect()
}
