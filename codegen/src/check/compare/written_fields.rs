//! Written fields: the fields that a writer's schema names, at each position of a value.
//!
//! Strictly, adding an optional field is incompatible: the old schema allowed any field, so a writer
//! could have used the name for something else. Writers do not do that in practice. Values are
//! therefore compared as if a writer wrote only fields that its schema names. A field is named if any
//! schema that may apply to the object mentions it, in `properties`, `required` or a dependency.
//!
//! Objects stay open where the schema restricts other fields itself, where it names none, where it
//! demands more fields than it names, and where one of its examples has a field that it does not name.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::schema_view::{SchemaView, possible_views, view_key};

/// Keywords that restrict the fields that a schema does not name.
const RESTRICTING_KEYWORDS: [&str; 4] =
    ["additionalProperties", "patternProperties", "propertyNames", "unevaluatedProperties"];
/// Maximum number of positions in the name schema of one document. Objects beyond it stay open.
const MAX_NAMED_POSITIONS: usize = 20_000;
/// Maximum depth of the name schema. Objects below it stay open.
const MAX_NAMED_DEPTH: usize = 60;

/// The names of the fields that a writer writes.
#[derive(Debug)]
pub(super) struct WrittenFields {
    /// Positions at which an example has a field that the schema does not name.
    open_positions: HashSet<Vec<usize>>,
}

impl WrittenFields {
    /// Finds the positions of `root` at which writers write other fields than the named ones.
    pub(super) fn new(root: &Value) -> Self {
        let mut fields = Self { open_positions: HashSet::new() };
        for example in root.get("examples").and_then(Value::as_array).into_iter().flatten() {
            fields.visit_example(&[SchemaView::new(root)], example);
        }
        fields
    }

    fn visit_example(&mut self, views: &[SchemaView<'_>], example: &Value) {
        let views = possible_views(views);
        match example {
            Value::Object(object) => {
                if let Some(names) = declared_names(&views)
                    && object.keys().any(|key| !names.contains(key.as_str()))
                {
                    self.open_positions.insert(view_key(&views));
                }
                for (name, value) in object {
                    let inner = field_views(&views, name);
                    if !inner.is_empty() {
                        self.visit_example(&inner, value);
                    }
                }
            }
            Value::Array(items) => {
                let inner = item_views(&views);
                if !inner.is_empty() {
                    for item in items {
                        self.visit_example(&inner, item);
                    }
                }
            }
            _ => {}
        }
    }

    /// Returns the names of the fields that a value of `views` may have, or `None` if it may have any.
    /// `views` are all schemas that may apply to the value.
    pub(super) fn names<'a>(&self, views: &[SchemaView<'a>]) -> Option<BTreeSet<&'a str>> {
        declared_names(views).filter(|_| !self.open_positions.contains(&view_key(views)))
    }

    /// Returns `root` with the restriction that objects have only named fields.
    pub(super) fn close_schema(&self, root: &Value) -> Value {
        let mut builder = NameSchemaBuilder { fields: self, positions: 0, known: HashMap::new(), defs: Map::new() };
        let names = builder.build(&[SchemaView::new(root)], 0);
        let Value::Object(object) = root else { return root.clone() };
        let mut closed = object.clone();
        if names != json!(true) {
            let all = closed.entry("allOf").or_insert_with(|| json!([]));
            if let Value::Array(all) = all {
                all.push(names);
            }
        }
        if !builder.defs.is_empty()
            && let Value::Object(defs) = closed.entry("$defs").or_insert_with(|| json!({}))
        {
            defs.extend(builder.defs);
        }
        Value::Object(closed)
    }
}

/// Returns the names that `views` declare, or `None` if they allow any field.
fn declared_names<'a>(views: &[SchemaView<'a>]) -> Option<BTreeSet<&'a str>> {
    let is_unrestricted = |value: &Value| *value == json!(true) || *value == json!({});
    let restricts = |view: &SchemaView<'_>| {
        RESTRICTING_KEYWORDS.iter().any(|key| view.get(key).is_some_and(|v| !is_unrestricted(v)))
    };
    let has_object = |view: &SchemaView<'_>| {
        view.get("const").is_some_and(Value::is_object)
            || view.get("enum").and_then(Value::as_array).is_some_and(|values| values.iter().any(Value::is_object))
    };
    if views.iter().any(|view| restricts(view) || has_object(view)) {
        return None;
    }
    let mut names = BTreeSet::new();
    for view in views {
        names.extend(view.entries("properties").map(|(name, _)| name.as_str()));
        names.extend(view.strings("required"));
        names.extend(view.entries("dependentSchemas").map(|(name, _)| name.as_str()));
        for (name, others) in view.entries("dependentRequired") {
            names.insert(name);
            names.extend(others.schema.as_array().into_iter().flatten().filter_map(Value::as_str));
        }
    }
    let has_any = |keyword: &str| views.iter().any(|view| view.get(keyword).is_some());
    // `not` can turn an upper bound into a lower one.
    let is_negated = has_any("not") && (has_any("minProperties") || has_any("maxProperties"));
    let least = views.iter().filter_map(|view| view.get("minProperties")?.as_u64()).max().unwrap_or(0);
    (!names.is_empty() && !is_negated && least <= names.len() as u64).then_some(names)
}

/// Returns the schemas that may apply to the field `name` of a value of `views`.
pub(super) fn field_views<'a>(views: &[SchemaView<'a>], name: &str) -> Vec<SchemaView<'a>> {
    let declared = views.iter().flat_map(|view| view.entries("properties")).filter(|(key, _)| *key == name);
    declared.map(|(_, view)| view).chain(other_field_views(views)).collect()
}

/// Returns the schemas that may apply to fields of a value of `views` that no schema names.
fn other_field_views<'a>(views: &[SchemaView<'a>]) -> Vec<SchemaView<'a>> {
    let mut all = Vec::new();
    for view in views {
        all.extend(["additionalProperties", "unevaluatedProperties"].iter().filter_map(|key| view.inner(key)));
        all.extend(view.entries("patternProperties").map(|(_, schema)| schema));
    }
    all
}

/// Returns the schemas that may apply to an item of a value of `views`.
pub(super) fn item_views<'a>(views: &[SchemaView<'a>]) -> Vec<SchemaView<'a>> {
    let mut all = Vec::new();
    for view in views {
        all.extend(["items", "contains", "unevaluatedItems"].iter().filter_map(|key| view.inner(key)));
        all.extend(view.list("prefixItems"));
    }
    all
}

/// Builds a schema that only restricts names.
struct NameSchemaBuilder<'f> {
    fields: &'f WrittenFields,
    positions: usize,
    /// Finished positions, and positions under construction.
    known: HashMap<Vec<usize>, NamePosition>,
    /// Definitions of the positions that contain themselves.
    defs: Map<String, Value>,
}

enum NamePosition {
    /// Under construction; true if it contains itself.
    Open {
        is_recursive: bool,
        name: String,
    },
    Done(Value),
}

impl NameSchemaBuilder<'_> {
    fn build(&mut self, views: &[SchemaView<'_>], depth: usize) -> Value {
        let views = possible_views(views);
        let key = view_key(&views);
        match self.known.get_mut(&key) {
            Some(NamePosition::Done(schema)) => return schema.clone(),
            Some(NamePosition::Open { is_recursive, name }) => {
                *is_recursive = true;
                return json!({"$ref": format!("#/$defs/{name}")});
            }
            None => {}
        }
        self.positions += 1;
        if self.positions > MAX_NAMED_POSITIONS || depth > MAX_NAMED_DEPTH {
            return json!(true);
        }
        let name = format!("names:{}", self.positions);
        self.known.insert(key.clone(), NamePosition::Open { is_recursive: false, name });
        let mut schema = self.build_position(&views, depth);
        if let Some(NamePosition::Open { is_recursive: true, name }) = self.known.remove(&key) {
            let reference = json!({"$ref": format!("#/$defs/{name}")});
            self.defs.insert(name, std::mem::replace(&mut schema, reference));
        }
        self.known.insert(key, NamePosition::Done(schema.clone()));
        schema
    }

    fn build_position(&mut self, views: &[SchemaView<'_>], depth: usize) -> Value {
        let names = self.fields.names(views);
        let declared: BTreeSet<&str> = match &names {
            Some(names) => names.clone(),
            None => views.iter().flat_map(|view| view.entries("properties")).map(|(name, _)| name.as_str()).collect(),
        };
        let mut properties = Map::new();
        for name in declared {
            let inner = field_views(views, name);
            let schema = if inner.is_empty() { json!(true) } else { self.build(&inner, depth + 1) };
            if names.is_some() || schema != json!(true) {
                properties.insert(name.to_owned(), schema);
            }
        }
        let others = match &names {
            Some(_) => json!(false),
            None => self.build_inner(&other_field_views(views), depth),
        };
        let items = self.build_inner(&item_views(views), depth);
        let mut schema = Map::new();
        if others != json!(true) {
            // These fields are named, so the restriction of other fields does not apply to them.
            for (name, _) in views.iter().flat_map(|view| view.entries("properties")) {
                properties.entry(name.clone()).or_insert(json!(true));
            }
            schema.insert("additionalProperties".to_owned(), others);
        }
        if !properties.is_empty() {
            schema.insert("properties".to_owned(), Value::Object(properties));
        }
        if items != json!(true) {
            schema.insert("items".to_owned(), items);
        }
        if schema.is_empty() { json!(true) } else { Value::Object(schema) }
    }

    fn build_inner(&mut self, views: &[SchemaView<'_>], depth: usize) -> Value {
        if views.is_empty() { json!(true) } else { self.build(views, depth + 1) }
    }
}
