//! The comparison: a compatibility verdict for every edit between two versions of a schema.

use serde_json::Value;

use super::compatibility::Compatibility;
use super::draft_upgrade::upgrade_draft;
use super::edit::{Edit, Effect, apply_edit};
use super::equivalence::is_equivalent;
use super::inlined_reference::inline_references;
use super::proof_budget::ProofBudget;
use super::rules::{diff_schemas, whole_schema_edit};
use super::schema_view::SchemaView;
use super::subset_proof::{SchemaSide, Subset, find_refuting_value, prove_subset};

/// A change of a self-contained schema.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SchemaChange {
    pub(crate) rule: &'static str,
    /// JSON Pointer into the new schema, or into the old one if the value was removed.
    pub(crate) pointer: String,
    /// If true, `pointer` leads into the new schema.
    pub(crate) in_new: bool,
    pub(crate) message: String,
    pub(crate) compatibility: Compatibility,
    /// Value that the old schema accepts and the new one rejects.
    pub(crate) refused_by_new: Option<Value>,
    /// Value that the new schema accepts and the old one rejects.
    pub(crate) refused_by_old: Option<Value>,
}

/// Returns the changes from `old` to `new`, two self-contained schemas.
pub(crate) fn compare_schemas(old: &Value, new: &Value) -> Vec<SchemaChange> {
    if old == new {
        return Vec::new();
    }
    let (old, new) = (&inline_references(&upgrade_draft(old)), &inline_references(&upgrade_draft(new)));
    let mut edits = diff_schemas(old, new);
    let is_understood = !edits.is_empty();
    if !is_understood {
        if is_equivalent(SchemaView::new(old), SchemaView::new(new)) {
            return Vec::new();
        }
        edits.push(whole_schema_edit(new));
    }
    let budget = ProofBudget::new();
    let (old_side, new_side) = (SchemaSide::new(old.clone()), SchemaSide::new(new.clone()));
    if !old_side.is_valid() || !new_side.is_valid() {
        return vec![not_comparable(if old_side.is_valid() { "new" } else { "old" })];
    }
    let comparison = Comparison { edits: &edits, schemas: (old, new), old: &old_side, new: &new_side, budget: &budget };
    let backward = comparison.verdicts(Direction::Backward);
    let forward = comparison.verdicts(Direction::Forward);
    let verdicts = std::iter::zip(backward, forward);
    let changes = std::iter::zip(edits, verdicts).map(|(edit, (backward, forward))| SchemaChange {
        rule: edit.rule,
        pointer: edit.pointer,
        in_new: edit.in_new,
        message: edit.message,
        compatibility: Compatibility::from_directions(backward.is_compatible, forward.is_compatible),
        refused_by_new: backward.counterexample,
        refused_by_old: forward.counterexample,
    });
    // A difference that no rule describes and that has no effect is another spelling.
    changes.filter(|change| is_understood || change.compatibility != Compatibility::Full).collect()
}

/// Returns the change for a version that cannot be compiled.
fn not_comparable(version: &str) -> SchemaChange {
    SchemaChange {
        rule: "not-understood",
        pointer: String::new(),
        in_new: true,
        message: format!("the {version} schema cannot be compiled, so the versions cannot be compared"),
        compatibility: Compatibility::Breaking,
        refused_by_new: None,
        refused_by_old: None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// The new schema reads values of the old one.
    Backward,
    /// The old schema reads values of the new one.
    Forward,
}

impl Direction {
    /// Returns the reader and the writer.
    fn reader_and_writer<'s>(self, old: &'s SchemaSide, new: &'s SchemaSide) -> (&'s SchemaSide, &'s SchemaSide) {
        match self {
            Self::Backward => (new, old),
            Self::Forward => (old, new),
        }
    }
}

/// The verdict on an edit in one direction.
#[derive(Clone)]
struct Verdict {
    is_compatible: bool,
    counterexample: Option<Value>,
}

impl Verdict {
    const COMPATIBLE: Self = Self { is_compatible: true, counterexample: None };
    const INCOMPATIBLE: Self = Self { is_compatible: false, counterexample: None };
}

struct Comparison<'a> {
    edits: &'a [Edit],
    schemas: (&'a Value, &'a Value),
    old: &'a SchemaSide,
    new: &'a SchemaSide,
    budget: &'a ProofBudget,
}

impl Comparison<'_> {
    /// Returns a verdict for each edit. All are compatible only if the two schemas provably are.
    fn verdicts(&self, direction: Direction) -> Vec<Verdict> {
        let overall = self.prove_all(direction);
        let counterexample = match &overall {
            Subset::Yes => return vec![Verdict::COMPATIBLE; self.edits.len()],
            Subset::No(counterexample) => counterexample.clone(),
            Subset::Unknown => None,
        };
        let mut verdicts: Vec<_> = match self.edits {
            [_] => vec![Verdict::INCOMPATIBLE],
            edits => edits.iter().map(|edit| self.verdict(edit, direction)).collect(),
        };
        if verdicts.iter().all(|verdict| verdict.is_compatible) {
            self.blame_together(direction, &mut verdicts);
        }
        for (verdict, edit) in std::iter::zip(&mut verdicts, self.edits) {
            if !verdict.is_compatible && verdict.counterexample.is_none() {
                verdict.counterexample =
                    self.counterexample_from_edit(edit, direction).or_else(|| counterexample.clone());
            }
        }
        verdicts
    }

    /// Marks the edits that are compatible one by one, but not together: those that restrict the reader,
    /// or else all of them.
    fn blame_together(&self, direction: Direction, verdicts: &mut [Verdict]) {
        let harmless = match direction {
            Direction::Backward => Effect::Widens,
            Direction::Forward => Effect::Narrows,
        };
        for (verdict, edit) in std::iter::zip(verdicts.iter_mut(), self.edits) {
            verdict.is_compatible = edit.effect == Effect::Keeps || edit.effect == harmless;
        }
        if verdicts.iter().all(|verdict| verdict.is_compatible) {
            verdicts.fill(Verdict::INCOMPATIBLE);
        }
    }

    /// Builds a counterexample around a value that is known to show the edit.
    fn counterexample_from_edit(&self, edit: &Edit, direction: Direction) -> Option<Value> {
        let (at, value) = match direction {
            Direction::Backward => edit.known_values.lost.as_ref()?,
            Direction::Forward => edit.known_values.gained.as_ref()?,
        };
        let (reader, writer) = direction.reader_and_writer(self.old, self.new);
        find_refuting_value(reader, writer, at, value, self.budget)
    }

    /// Compares the two schemas with all edits.
    fn prove_all(&self, direction: Direction) -> Subset {
        let (reader, writer) = direction.reader_and_writer(self.old, self.new);
        let affects_unknown_fields = self.edits.iter().any(|edit| edit.affects_unknown_fields);
        prove_subset(reader, writer, !affects_unknown_fields, self.budget)
    }

    /// Returns the verdict for a single edit, which is compatible only if that is proven.
    fn verdict(&self, edit: &Edit, direction: Direction) -> Verdict {
        let (old, new) = self.schemas;
        if !self.budget.allows_edited_schema(old) {
            return Verdict::INCOMPATIBLE;
        }
        let edited = SchemaSide::new(apply_edit(old, new, edit));
        let (reader, writer) = direction.reader_and_writer(self.old, &edited);
        match prove_subset(reader, writer, !edit.affects_unknown_fields, self.budget) {
            Subset::Yes => Verdict::COMPATIBLE,
            Subset::No(counterexample) => {
                let (reader, writer) = direction.reader_and_writer(self.old, self.new);
                let counterexample = counterexample.filter(|value| writer.accepts(value) && !reader.accepts(value));
                Verdict { is_compatible: false, counterexample }
            }
            Subset::Unknown => Verdict::INCOMPATIBLE,
        }
    }
}
