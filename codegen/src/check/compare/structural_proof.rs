//! Structural proofs: a parallel walk that proves that a reader accepts every value of a writer.
//!
//! Each keyword of the reader must follow from the keywords of the writer for the same value. The walk
//! takes time in proportion to the schemas, follows recursive references, and ignores what it does not
//! know if both schemas have it. It proves less than `jsonschema::canonical`, but at any size.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::disjointness::{are_disjoint, possible_types};
use super::equivalence::{is_equivalent, is_neutral};
use super::proof_budget::ProofBudget;
use super::schema_view::{SchemaView, certain_views, possible_views, view_key};
use super::value_implication::{implies_keyword, relevant_type};
use super::written_fields::{WrittenFields, field_views, item_views};
use super::written_value::{Written, certain_field_views, matches_name};

/// Maximum number of positions that one proof visits.
const MAX_PROOF_STEPS: usize = 50_000;
/// Maximum depth of a proof.
const MAX_PROOF_DEPTH: usize = 100;

/// Returns whether `reader` provably accepts every value of `writer`. With `fields`, the writer writes
/// only named fields.
pub(super) fn is_structural_subset(
    reader: &Value,
    writer: &Value,
    fields: Option<&WrittenFields>,
    budget: &ProofBudget,
) -> bool {
    let views = vec![SchemaView::new(writer)];
    let mut proof = StructuralProof {
        fields,
        steps: 0,
        max_steps: budget.proof_steps().min(MAX_PROOF_STEPS),
        value_depth: 0,
        open: HashMap::new(),
        refuted: BTreeSet::new(),
        equivalent: HashMap::new(),
    };
    let is_subset = proof.covers(SchemaView::new(reader), &Written { certain: views.clone(), possible: views }, 0);
    budget.charge_proof_steps(proof.steps);
    is_subset
}

type ProofKey = (usize, Vec<usize>, Vec<usize>);

struct StructuralProof<'f> {
    fields: Option<&'f WrittenFields>,
    steps: usize,
    max_steps: usize,
    /// Depth of the current position in the value.
    value_depth: usize,
    /// Statements under proof, with the depth of their position in the value.
    open: HashMap<ProofKey, usize>,
    /// Statements that have no proof.
    refuted: BTreeSet<ProofKey>,
    /// Known answers of `is_equivalent`, by addresses.
    equivalent: HashMap<(usize, usize), bool>,
}

impl StructuralProof<'_> {
    /// Proves that `reader` accepts every value at `written`.
    fn covers(&mut self, reader: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        if *reader.schema == json!(true) {
            return true;
        }
        self.steps += 1;
        if self.steps > self.max_steps || depth > MAX_PROOF_DEPTH {
            return false;
        }
        let written =
            &Written { certain: certain_views(&written.certain), possible: possible_views(&written.possible) };
        let is_empty = written.certain.iter().any(|view| *view.schema == json!(false));
        if is_empty || possible_types(&written.certain).is_empty() {
            return true;
        }
        let key = (reader.address(), view_key(&written.certain), view_key(&written.possible));
        if let Some(value_depth) = self.open.get(&key) {
            // The statement may be assumed for a smaller value only.
            return self.value_depth > *value_depth;
        }
        if self.refuted.contains(&key) {
            return false;
        }
        if written.certain.iter().any(|view| self.is_equivalent(reader, *view)) {
            return true;
        }
        self.open.insert(key.clone(), self.value_depth);
        let is_covered = self.covers_keywords(reader, written, depth);
        self.open.remove(&key);
        if !is_covered {
            self.refuted.insert(key);
        }
        is_covered
    }

    fn is_equivalent(&mut self, reader: SchemaView<'_>, view: SchemaView<'_>) -> bool {
        let key = (reader.address(), view.address());
        *self.equivalent.entry(key).or_insert_with(|| is_equivalent(reader, view))
    }

    fn covers_keywords(&mut self, reader: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        let Some(object) = reader.object() else { return false };
        let is_covered = object.keys().all(|keyword| self.covers_keyword(keyword, reader, written, depth + 1));
        is_covered || self.covers_by_cases(reader, written, depth + 1)
    }

    /// Proves that `reader` accepts the values of each branch of a choice of the writer.
    fn covers_by_cases(&mut self, reader: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        let choices: Vec<Vec<SchemaView<'_>>> = written
            .certain
            .iter()
            .flat_map(|view| ["anyOf", "oneOf"].map(|keyword| view.list(keyword).collect::<Vec<_>>()))
            .filter(|branches| !branches.is_empty() && branches.iter().all(|branch| !written.satisfies(*branch)))
            .collect();
        choices.iter().any(|branches| branches.iter().all(|branch| self.covers(reader, &written.and([*branch]), depth)))
    }

    fn covers_keyword(&mut self, keyword: &str, reader: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        if is_neutral(keyword)
            || relevant_type(keyword).is_some_and(|name| !possible_types(&written.certain).contains(name))
        {
            return true;
        }
        match keyword {
            "$ref" => reader.referred().is_some_and(|reader| self.covers(reader, written, depth)),
            "allOf" => reader.list(keyword).all(|branch| self.covers(branch, written, depth)),
            "anyOf" => self.covers_any(reader, written, depth),
            "oneOf" => self.covers_one(reader, written, depth),
            "not" => self.covers_negation(reader, written, depth),
            "if" => self.covers_condition(reader, written, depth),
            // `if` and `contains` check these keywords.
            "then" | "else" | "minContains" | "maxContains" => true,
            "properties" => {
                reader.entries(keyword).all(|(name, schema)| self.covers_field(name, schema, written, depth))
            }
            "patternProperties" => {
                reader.entries(keyword).all(|(pattern, schema)| self.covers_pattern(pattern, schema, written, depth))
            }
            "additionalProperties" => self.covers_additional(reader, written, depth),
            "dependentSchemas" => reader.entries(keyword).all(|(name, schema)| {
                let same =
                    written.certain.iter().flat_map(|view| view.entries(keyword)).filter(|(key, _)| *key == name);
                self.is_never_written(name, written)
                    || self.covers(schema, &written.and(same.map(|(_, view)| view)), depth)
            }),
            "items" => self.covers_items(reader, written, depth),
            "prefixItems" => reader
                .list(keyword)
                .enumerate()
                .all(|(index, schema)| self.covers_item(schema, written, Some(index), depth)),
            "contains" => self.covers_contains(reader, written, depth),
            "required" => reader
                .strings(keyword)
                .all(|name| written.certain.iter().any(|w| w.strings(keyword).any(|n| n == name))),
            "dependentRequired" => self.covers_dependencies(reader, written),
            "maxProperties" => {
                let most = reader.get(keyword).and_then(Value::as_u64);
                let names = self.names(written).map(|names| names.len() as u64);
                most.zip(names).is_some_and(|(most, names)| names <= most)
                    || implies_keyword(keyword, reader, &written.certain)
            }
            _ => implies_keyword(keyword, reader, &written.certain),
        }
    }

    fn covers_any(&mut self, reader: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        reader.list("anyOf").any(|branch| self.covers(branch, written, depth))
    }

    /// Proves that exactly one branch of `oneOf` accepts the values.
    fn covers_one(&mut self, reader: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        let branches: Vec<_> = reader.list("oneOf").collect();
        let is_same = written.certain.iter().any(|view| {
            let others: Vec<_> = view.list("oneOf").collect();
            others.len() == branches.len()
                && branches.iter().all(|branch| {
                    let count = |list: &[SchemaView<'_>]| list.iter().filter(|b| is_equivalent(*branch, **b)).count();
                    count(&others) == count(&branches)
                })
        });
        if is_same {
            return true;
        }
        for (index, branch) in branches.iter().enumerate() {
            self.steps += branches.len();
            let mut others = branches.iter().enumerate().filter(|(other, _)| *other != index);
            if self.steps <= self.max_steps
                && others.all(|(_, other)| are_disjoint(&written.certain, *other))
                && self.covers(*branch, written, depth)
            {
                return true;
            }
        }
        false
    }

    fn covers_negation(&mut self, reader: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        let Some(refused) = reader.inner("not") else { return true };
        if are_disjoint(&written.certain, refused) {
            return true;
        }
        let negations: Vec<_> = written.certain.iter().filter_map(|view| view.inner("not")).collect();
        // The writer must refuse every value that the reader refuses. Assumptions hold in one direction only,
        // and fields that a writer does not write may occur in a condition.
        negations.iter().any(|refused_by_writer| {
            let (open, fields) = (std::mem::take(&mut self.open), self.fields.take());
            let refuted = std::mem::take(&mut self.refuted);
            let is_covered =
                self.covers(*refused_by_writer, &Written { certain: vec![refused], possible: vec![refused] }, depth);
            (self.open, self.fields, self.refuted) = (open, fields, refuted);
            is_covered
        })
    }

    fn covers_condition(&mut self, reader: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        let Some(condition) = reader.inner("if") else { return true };
        let (then, otherwise) = (reader.inner("then"), reader.inner("else"));
        let same: Vec<_> = written
            .certain
            .iter()
            .copied()
            .filter(|view| view.inner("if").is_some_and(|other| is_equivalent(condition, other)))
            .collect();
        let known: Vec<_> = same.iter().filter_map(|view| view.inner("if")).collect();
        let if_true = written.and(same.iter().filter_map(|view| view.inner("then")).chain(known));
        let if_false = written.and(same.iter().filter_map(|view| view.inner("else")));
        let is_false = are_disjoint(&written.certain, condition);
        then.is_none_or(|then| is_false || self.covers(then, &if_true, depth))
            && otherwise.is_none_or(|otherwise| self.covers(otherwise, &if_false, depth))
    }

    /// Returns the names of the fields that are written, or `None` if any field may be.
    fn names<'a>(&self, written: &Written<'a>) -> Option<BTreeSet<&'a str>> {
        self.fields?.names(&written.possible)
    }

    fn is_never_written(&self, name: &str, written: &Written<'_>) -> bool {
        self.names(written).is_some_and(|names| !names.contains(name))
    }

    fn covers_field(&mut self, name: &str, schema: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        self.is_never_written(name, written) || {
            let inner =
                Written { certain: certain_field_views(written, name), possible: field_views(&written.possible, name) };
            self.covers_child(schema, &inner, depth)
        }
    }

    fn covers_child(&mut self, reader: SchemaView<'_>, inner: &Written<'_>, depth: usize) -> bool {
        self.value_depth += 1;
        let is_covered = self.covers(reader, inner, depth);
        self.value_depth -= 1;
        is_covered
    }

    fn covers_pattern(&mut self, pattern: &str, schema: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        if let Some(names) = self.names(written) {
            return names.iter().all(|name| {
                matches_name(pattern, name) == Some(false) || self.covers_field(name, schema, written, depth)
            });
        }
        let same: Vec<_> = written
            .certain
            .iter()
            .flat_map(|view| view.entries("patternProperties"))
            .filter(|(key, _)| *key == pattern)
            .map(|(_, view)| view)
            .collect();
        !same.is_empty() && self.covers_child(schema, &Written { possible: same.clone(), certain: same }, depth)
    }

    fn covers_additional(&mut self, reader: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        let Some(schema) = reader.inner("additionalProperties") else { return true };
        let is_additional = |name: &str| {
            !reader.entries("properties").any(|(key, _)| key == name)
                && !reader.entries("patternProperties").any(|(pattern, _)| matches_name(pattern, name) == Some(true))
        };
        if let Some(names) = self.names(written) {
            return names.iter().all(|name| !is_additional(name) || self.covers_field(name, schema, written, depth));
        }
        written.certain.iter().any(|view| {
            let Some(others) = view.inner("additionalProperties") else { return false };
            let mut patterns = view.entries("patternProperties");
            let has_same_patterns = patterns.all(|(pattern, inner)| {
                *inner.schema == json!(false) || reader.entries("patternProperties").any(|(key, _)| key == pattern)
            });
            let inner = |view| Written { certain: vec![view], possible: vec![view] };
            has_same_patterns
                && self.covers_child(schema, &inner(others), depth)
                && view
                    .entries("properties")
                    .all(|(name, _)| !is_additional(name) || self.covers_field(name, schema, written, depth))
        })
    }

    fn covers_dependencies(&self, reader: SchemaView<'_>, written: &Written<'_>) -> bool {
        reader.entries("dependentRequired").all(|(name, others)| {
            let is_required = |other: &Value| {
                written.certain.iter().any(|view| {
                    let dependent = view.entries("dependentRequired").find(|(key, _)| *key == name);
                    view.strings("required").any(|key| other == key)
                        || dependent.is_some_and(|(_, list)| list.schema.as_array().is_some_and(|l| l.contains(other)))
                })
            };
            self.is_never_written(name, written) || others.schema.as_array().into_iter().flatten().all(is_required)
        })
    }

    fn covers_items(&mut self, reader: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        let Some(schema) = reader.inner("items") else { return true };
        let first = reader.list("prefixItems").count();
        let longest = written.certain.iter().map(|view| view.list("prefixItems").count()).max().unwrap_or(0);
        let most = written.certain.iter().filter_map(|view| view.get("maxItems")?.as_u64()).min();
        if most.is_some_and(|most| most <= first as u64) {
            return true;
        }
        (first..longest).all(|index| self.covers_item(schema, written, Some(index), depth))
            && self.covers_item(schema, written, None, depth)
    }

    /// Proves that `schema` accepts the item at `index`, or every item after all of `prefixItems`.
    fn covers_item(
        &mut self,
        schema: SchemaView<'_>,
        written: &Written<'_>,
        index: Option<usize>,
        depth: usize,
    ) -> bool {
        let at = |view: &SchemaView<'_>| index.is_some_and(|index| view.list("prefixItems").count() > index);
        let certain = written.certain.iter().filter_map(|view| match index.filter(|_| at(view)) {
            Some(index) => view.list("prefixItems").nth(index),
            None => view.inner("items"),
        });
        let inner = Written { certain: certain.collect(), possible: item_views(&written.possible) };
        self.covers_child(schema, &inner, depth)
    }

    fn covers_contains(&mut self, reader: SchemaView<'_>, written: &Written<'_>, depth: usize) -> bool {
        let Some(schema) = reader.inner("contains") else { return true };
        let count = |view: SchemaView<'_>, keyword: &str| view.get(keyword).and_then(Value::as_f64);
        let least = count(reader, "minContains").unwrap_or(1.0);
        let most = count(reader, "maxContains");
        if least == 0.0 && most.is_none() {
            return true;
        }
        written.certain.iter().any(|view| {
            let Some(other) = view.inner("contains") else { return false };
            let has_least = count(*view, "minContains").unwrap_or(1.0) >= least;
            let has_most = most.is_none_or(|most| {
                is_equivalent(schema, other) && count(*view, "maxContains").is_some_and(|other| other <= most)
            });
            let inner = Written { certain: vec![other], possible: item_views(&written.possible) };
            has_least && has_most && self.covers_child(schema, &inner, depth)
        })
    }
}
