//! The comparison: a compatibility verdict for every edit between two versions of a schema.

use serde_json::Value;

use super::compatibility::Compatibility;
use super::edit::{Edit, Effect, apply_edit};
use super::inlined_reference::inline_references;
use super::rules::diff_schemas;
use super::subset_proof::{SchemaSide, Subset, find_refuting_value, is_proven_subset, prove_subset};

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
    let (old, new) = (&inline_references(old), &inline_references(new));
    let edits = diff_schemas(old, new);
    if edits.is_empty() {
        return Vec::new();
    }
    let (old_side, new_side) = (SchemaSide::new(old.clone()), SchemaSide::new(new.clone()));
    let edited: Vec<_> = edits.iter().map(|edit| SchemaSide::new(apply_edit(old, new, edit))).collect();
    let comparison = Comparison { edits: &edits, old: &old_side, new: &new_side, edited: &edited };
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
    changes.collect()
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
    /// If true, only the rule decided: there is neither a proof nor a counterexample.
    is_by_rule: bool,
}

impl Verdict {
    const COMPATIBLE: Self = Self { is_compatible: true, counterexample: None, is_by_rule: false };

    fn incompatible(counterexample: Option<Value>) -> Self {
        Self { is_compatible: false, counterexample, is_by_rule: false }
    }
}

struct Comparison<'a> {
    edits: &'a [Edit],
    old: &'a SchemaSide,
    new: &'a SchemaSide,
    /// For each edit, the old schema with only that edit applied.
    edited: &'a [SchemaSide],
}

impl Comparison<'_> {
    /// Returns a verdict for each edit.
    fn verdicts(&self, direction: Direction) -> Vec<Verdict> {
        let overall = self.prove_all(direction);
        let counterexample = match &overall {
            Subset::Yes => return vec![Verdict::COMPATIBLE; self.edits.len()],
            Subset::No(counterexample) => counterexample.clone(),
            Subset::Unknown => None,
        };
        let mut verdicts: Vec<_> = match self.edits.len() == 1 && matches!(overall, Subset::No(Some(_))) {
            true => vec![Verdict::incompatible(None)],
            false => (0..self.edits.len()).map(|index| self.verdict(index, direction)).collect(),
        };
        let is_explained = verdicts.iter().any(|verdict| !verdict.is_compatible);
        let has_format_edit = self.edits.iter().any(|edit| edit.rule.starts_with("format-"));
        if matches!(overall, Subset::No(_)) && !is_explained && !(overall == Subset::No(None) && has_format_edit) {
            // No single edit is incompatible, but all of them together are.
            for (verdict, edit) in std::iter::zip(&mut verdicts, self.edits) {
                verdict.is_compatible = edit.effect == Effect::Keeps;
            }
            if verdicts.iter().all(|verdict| verdict.is_compatible) {
                for verdict in &mut verdicts {
                    verdict.is_compatible = false;
                }
            }
        }
        for (verdict, edit) in std::iter::zip(&mut verdicts, self.edits) {
            if !verdict.is_compatible && verdict.counterexample.is_none() {
                let overall = if verdict.is_by_rule { None } else { counterexample.clone() };
                verdict.counterexample = self.counterexample_from_edit(edit, direction).or(overall);
            }
        }
        verdicts
    }

    /// Builds a counterexample around a value that is known to show the edit.
    fn counterexample_from_edit(&self, edit: &Edit, direction: Direction) -> Option<Value> {
        let (at, value) = match direction {
            Direction::Backward => edit.known_values.lost.as_ref()?,
            Direction::Forward => edit.known_values.gained.as_ref()?,
        };
        let (reader, writer) = direction.reader_and_writer(self.old, self.new);
        find_refuting_value(reader, writer, at, value)
    }

    /// Compares the two schemas with all edits.
    fn prove_all(&self, direction: Direction) -> Subset {
        let (reader, writer) = direction.reader_and_writer(self.old, self.new);
        if self.edits.iter().any(|edit| edit.affects_unknown_fields) {
            return prove_subset(reader, writer, false);
        }
        if is_proven_subset(reader, writer) { Subset::Yes } else { prove_subset(reader, writer, true) }
    }

    /// Returns the verdict for a single edit.
    fn verdict(&self, index: usize, direction: Direction) -> Verdict {
        let (edit, edited) = (&self.edits[index], &self.edited[index]);
        let (reader, writer) = direction.reader_and_writer(self.old, edited);
        let is_harmless = match direction {
            Direction::Backward => matches!(edit.effect, Effect::Widens | Effect::Keeps),
            Direction::Forward => matches!(edit.effect, Effect::Narrows | Effect::Keeps),
        };
        match prove_subset(reader, writer, !edit.affects_unknown_fields) {
            Subset::Yes => Verdict::COMPATIBLE,
            // The proof treats different formats as disjoint, although one may include the other.
            Subset::No(None) if is_harmless && edit.rule.starts_with("format-") => Verdict::COMPATIBLE,
            Subset::No(counterexample) => {
                let (reader, writer) = direction.reader_and_writer(self.old, self.new);
                Verdict::incompatible(counterexample.filter(|value| writer.accepts(value) && !reader.accepts(value)))
            }
            Subset::Unknown => Verdict { is_compatible: is_harmless, counterexample: None, is_by_rule: true },
        }
    }
}
