//! Views of a value: the schemas that apply to it, with the document that their references lead into.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::reference::local_reference;

/// Keywords that hold lists of schemas for the same value.
const LIST_APPLICATORS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords that hold one schema for the same value.
const SINGLE_APPLICATORS: [&str; 4] = ["if", "then", "else", "not"];

/// A schema and the document that it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct SchemaView<'a> {
    pub(super) root: &'a Value,
    pub(super) schema: &'a Value,
}

impl<'a> SchemaView<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, schema: root }
    }

    /// Returns a view of another schema of the same document.
    pub(super) fn with(self, schema: &'a Value) -> Self {
        Self { schema, ..self }
    }

    /// Returns the identity of the schema within its document.
    pub(super) fn address(self) -> usize {
        std::ptr::from_ref(self.schema).addr()
    }

    pub(super) fn object(self) -> Option<&'a Map<String, Value>> {
        self.schema.as_object()
    }

    pub(super) fn get(self, keyword: &str) -> Option<&'a Value> {
        self.object()?.get(keyword)
    }

    /// Returns the schema at `keyword`.
    pub(super) fn inner(self, keyword: &str) -> Option<Self> {
        self.get(keyword).map(|schema| self.with(schema))
    }

    /// Returns the schemas of the list at `keyword`.
    pub(super) fn list(self, keyword: &str) -> impl Iterator<Item = Self> {
        let schemas = self.get(keyword).and_then(Value::as_array).into_iter().flatten();
        schemas.map(move |schema| self.with(schema))
    }

    /// Returns the entries of the object at `keyword`.
    pub(super) fn entries(self, keyword: &str) -> impl Iterator<Item = (&'a String, Self)> {
        let named = self.get(keyword).and_then(Value::as_object).into_iter().flatten();
        named.map(move |(name, schema)| (name, self.with(schema)))
    }

    /// Returns the strings of the list at `keyword`.
    pub(super) fn strings(self, keyword: &str) -> impl Iterator<Item = &'a str> {
        self.get(keyword).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// Returns the schema that `$ref` leads to.
    pub(super) fn referred(self) -> Option<Self> {
        Some(self.with(local_reference(self.root, self.object()?)?))
    }

    /// Returns the schemas that a value of this schema satisfies as well.
    fn implied(self) -> impl Iterator<Item = Self> {
        self.referred().into_iter().chain(self.list("allOf"))
    }

    /// Returns the schemas that may apply to a value of this schema.
    fn possible(self) -> impl Iterator<Item = Self> {
        let lists = LIST_APPLICATORS.into_iter().flat_map(move |keyword| self.list(keyword));
        let single = SINGLE_APPLICATORS.into_iter().filter_map(move |keyword| self.inner(keyword));
        let dependent = self.entries("dependentSchemas").map(|(_, schema)| schema);
        self.referred().into_iter().chain(lists).chain(single).chain(dependent)
    }
}

/// Returns `views` and every schema that a value of all of them satisfies as well.
pub(super) fn certain_views<'a>(views: &[SchemaView<'a>]) -> Vec<SchemaView<'a>> {
    closure(views, |view, add| view.implied().for_each(add))
}

/// Returns `views` and every schema that may apply to a value of them.
pub(super) fn possible_views<'a>(views: &[SchemaView<'a>]) -> Vec<SchemaView<'a>> {
    closure(views, |view, add| view.possible().for_each(add))
}

fn closure<'a>(
    views: &[SchemaView<'a>],
    visit: impl Fn(SchemaView<'a>, &mut dyn FnMut(SchemaView<'a>)),
) -> Vec<SchemaView<'a>> {
    let mut known = BTreeSet::new();
    let mut all: Vec<SchemaView<'a>> = Vec::new();
    let mut pending: Vec<SchemaView<'a>> = views.iter().rev().copied().collect();
    while let Some(view) = pending.pop() {
        if known.insert(view.address()) {
            all.push(view);
            visit(view, &mut |more| pending.push(more));
        }
    }
    all
}

/// Returns the addresses of `views`, sorted, as a key.
pub(super) fn view_key(views: &[SchemaView<'_>]) -> Vec<usize> {
    let mut key: Vec<_> = views.iter().map(|view| view.address()).collect();
    key.sort_unstable();
    key.dedup();
    key
}
