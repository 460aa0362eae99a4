//! The budget of a comparison: the work that may be spent on one schema, in steps rather than in time,
//! so that the verdict is the same on every machine.

use std::cell::Cell;

use serde_json::Value;

use super::schema_view::SchemaView;

/// Maximum cost of a schema that is canonicalized.
const MAX_CANONICAL_COST: usize = 100;
/// Maximum cost of a schema from which another is subtracted, which takes time exponential in the
/// number of properties.
const MAX_DIFFERENCE_COST: usize = 60;
/// Maximum cost of all schemas that one comparison canonicalizes.
const MAX_TOTAL_CANONICAL_COST: usize = 12_000;
/// Maximum size of all schemas that one comparison samples, in nodes.
const MAX_TOTAL_SAMPLED_NODES: usize = 60_000;
/// Maximum number of positions that the structural proofs of one comparison visit.
const MAX_TOTAL_PROOF_STEPS: usize = 300_000;
/// Maximum size of all schemas with a single edit that one comparison judges, in nodes.
const MAX_TOTAL_EDITED_NODES: usize = 400_000;
/// Maximum depth at which the cost of a schema is estimated.
const MAX_COST_DEPTH: usize = 60;

/// The remaining budget of a comparison.
#[derive(Debug)]
pub(super) struct ProofBudget {
    canonical_cost: Cell<usize>,
    sampled_nodes: Cell<usize>,
    proof_steps: Cell<usize>,
    edited_nodes: Cell<usize>,
}

impl ProofBudget {
    pub(super) fn new() -> Self {
        Self {
            canonical_cost: Cell::new(MAX_TOTAL_CANONICAL_COST),
            sampled_nodes: Cell::new(MAX_TOTAL_SAMPLED_NODES),
            proof_steps: Cell::new(MAX_TOTAL_PROOF_STEPS),
            edited_nodes: Cell::new(MAX_TOTAL_EDITED_NODES),
        }
    }

    /// Returns whether a schema may be canonicalized, and charges for it. The cost of recursive schemas
    /// has no bound, so they may not.
    pub(super) fn allows_canonical_form(&self, schema: &Value) -> bool {
        let cost = CostEstimate { open: Vec::new() }.cost(SchemaView::new(schema));
        cost.is_some_and(|cost| cost.total() <= MAX_CANONICAL_COST && charge(&self.canonical_cost, cost.total()))
    }

    /// Returns whether another schema may be subtracted from a schema.
    pub(super) fn allows_difference(schema: &Value) -> bool {
        let cost = CostEstimate { open: Vec::new() }.cost(SchemaView::new(schema));
        cost.is_some_and(|cost| cost.total() <= MAX_DIFFERENCE_COST)
    }

    /// Returns the number of steps that are left for structural proofs.
    pub(super) fn proof_steps(&self) -> usize {
        self.proof_steps.get()
    }

    /// Charges for the steps of a structural proof.
    pub(super) fn charge_proof_steps(&self, steps: usize) {
        charge(&self.proof_steps, steps);
    }

    /// Returns whether a schema of the size of `schema` may be built for a single edit, and charges for
    /// it.
    pub(super) fn allows_edited_schema(&self, schema: &Value) -> bool {
        charge(&self.edited_nodes, count_nodes(schema))
    }

    /// Returns whether values of a schema may be sampled, and charges for it.
    pub(super) fn allows_samples(&self, schema: &Value) -> bool {
        charge(&self.sampled_nodes, count_nodes(schema))
    }
}

fn charge(remaining: &Cell<usize>, cost: usize) -> bool {
    let left = remaining.get().checked_sub(cost);
    remaining.set(left.unwrap_or(0));
    left.is_some()
}

fn count_nodes(value: &Value) -> usize {
    match value {
        Value::Object(object) => 1 + object.values().map(count_nodes).sum::<usize>(),
        Value::Array(items) => 1 + items.iter().map(count_nodes).sum::<usize>(),
        _ => 1,
    }
}

/// The estimated cost of a schema.
#[derive(Clone, Copy)]
struct Cost {
    /// Number of subschemas, with references expanded.
    nodes: usize,
    /// Number of combinations of branches for one value.
    combinations: usize,
}

impl Cost {
    fn total(self) -> usize {
        self.nodes.saturating_mul(self.combinations)
    }
}

struct CostEstimate {
    /// Addresses of the schemas that contain the current one.
    open: Vec<usize>,
}

impl CostEstimate {
    /// Returns the cost of a schema, or `None` if it is recursive or too large to tell.
    fn cost(&mut self, view: SchemaView<'_>) -> Option<Cost> {
        if self.open.contains(&view.address()) || self.open.len() > MAX_COST_DEPTH {
            return None;
        }
        self.open.push(view.address());
        let mut cost = Cost { nodes: 1, combinations: 1 };
        if let Some(referred) = view.referred() {
            cost = self.both(cost, referred)?;
        }
        for branch in view.list("allOf") {
            cost = self.both(cost, branch)?;
        }
        for keyword in ["anyOf", "oneOf"] {
            let mut combinations = 0_usize;
            for branch in view.list(keyword) {
                let branch = self.cost(branch)?;
                cost.nodes = cost.nodes.saturating_add(branch.nodes);
                combinations = combinations.saturating_add(branch.combinations);
            }
            cost.combinations = cost.combinations.saturating_mul(combinations.max(1));
        }
        for keyword in ["if", "then", "else", "not"] {
            if let Some(condition) = view.inner(keyword) {
                cost = self.both(cost, condition)?;
                cost.combinations = cost.combinations.saturating_mul(2);
            }
        }
        for schema in view.entries("dependentSchemas").map(|(_, schema)| schema) {
            cost = self.both(cost, schema)?;
            cost.combinations = cost.combinations.saturating_mul(2);
        }
        let keywords =
            ["additionalProperties", "contains", "items", "propertyNames", "unevaluatedItems", "unevaluatedProperties"];
        let single = keywords.into_iter().filter_map(|keyword| view.inner(keyword));
        let named = ["patternProperties", "properties"].into_iter().flat_map(|keyword| view.entries(keyword));
        for inner in single.chain(named.map(|(_, schema)| schema)).chain(view.list("prefixItems")) {
            let inner = self.cost(inner)?;
            cost.nodes = cost.nodes.saturating_add(inner.total());
        }
        self.open.pop();
        (cost.total() <= MAX_CANONICAL_COST).then_some(cost)
    }

    /// Adds the cost of a schema for the same value.
    fn both(&mut self, cost: Cost, other: SchemaView<'_>) -> Option<Cost> {
        let other = self.cost(other)?;
        Some(Cost {
            nodes: cost.nodes.saturating_add(other.nodes),
            combinations: cost.combinations.saturating_mul(other.combinations),
        })
    }
}
