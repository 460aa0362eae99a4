//! Whether schemas changed so that old and new understand each other.
//!
//! Two questions, for each type: does the new schema accept what was written by the old one
//! (backward), and the old one what is written by the new (forward)? `diff` finds what was
//! changed, by rules that have names. `judge` decides what it does: `jsonschema::canonical` proves
//! that one schema covers the other, or a value is found that refutes it. Where neither can be
//! had, the rule has the word, and the answer is the careful one.

mod branches;
mod closed;
mod diff;
mod edit;
mod example;
mod inline;
mod judge;
mod keywords;
mod patterns;
mod properties;

use serde::Serialize;
use serde_json::Value;

use edit::{Edit, Effect, applied};
use inline::inlined;
use judge::{Answer, Side, is_covered, judge};

/// How old and new understand each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compatibility {
    /// New readers read what old writers wrote, and old readers what new writers write.
    Full,
    /// New readers read what old writers wrote.
    Backward,
    /// Old readers read what new writers write.
    Forward,
    /// Neither.
    Breaking,
}

impl Compatibility {
    fn of(backward: bool, forward: bool) -> Self {
        match (backward, forward) {
            (true, true) => Self::Full,
            (true, false) => Self::Backward,
            (false, true) => Self::Forward,
            (false, false) => Self::Breaking,
        }
    }

    /// Whether new readers read what old writers wrote.
    pub fn is_backward(self) -> bool {
        matches!(self, Self::Full | Self::Backward)
    }

    /// Whether old readers read what new writers write.
    pub fn is_forward(self) -> bool {
        matches!(self, Self::Full | Self::Forward)
    }

    /// What both have in common.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::of(self.is_backward() && other.is_backward(), self.is_forward() && other.is_forward())
    }
}

/// One change of a schema that stands alone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) rule: &'static str,
    /// JSON Pointer into the new schema, or the old one where it is gone.
    pub(crate) pointer: String,
    pub(crate) in_new: bool,
    pub(crate) message: String,
    pub(crate) compatibility: Compatibility,
    /// What the old schema accepts and the new one refuses.
    pub(crate) refused_by_new: Option<Value>,
    /// What the new schema accepts and the old one refuses.
    pub(crate) refused_by_old: Option<Value>,
}

/// What was changed from `old` to `new`, two schemas that stand alone.
pub(crate) fn compare(old: &Value, new: &Value) -> Vec<Change> {
    let (old, new) = (&inlined(old), &inlined(new));
    let edits = diff::diff(old, new);
    if edits.is_empty() {
        return Vec::new();
    }
    let (old_side, new_side) = (Side::new(old.clone()), Side::new(new.clone()));
    let half_way: Vec<_> = edits.iter().map(|edit| Side::new(applied(old, new, edit))).collect();
    let all = Comparison { edits: &edits, old: &old_side, new: &new_side, half_way: &half_way };
    let backward = all.direction(Direction::Backward);
    let forward = all.direction(Direction::Forward);
    let verdicts = std::iter::zip(backward, forward);
    let changes = std::iter::zip(edits, verdicts).map(|(edit, (backward, forward))| Change {
        rule: edit.rule,
        pointer: edit.pointer,
        in_new: edit.in_new,
        message: edit.message,
        compatibility: Compatibility::of(backward.holds, forward.holds),
        refused_by_new: backward.example,
        refused_by_old: forward.example,
    });
    changes.collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// The new schema reads what the old one wrote.
    Backward,
    /// The old schema reads what the new one writes.
    Forward,
}

/// What is known of one edit in one direction.
#[derive(Clone)]
struct Verdict {
    holds: bool,
    example: Option<Value>,
    /// Whether only the rule says so: nothing was proven, and no example found.
    by_rule: bool,
}

impl Verdict {
    const HOLDS: Self = Self { holds: true, example: None, by_rule: false };

    fn broken(example: Option<Value>) -> Self {
        Self { holds: false, example, by_rule: false }
    }
}

struct Comparison<'a> {
    edits: &'a [Edit],
    old: &'a Side,
    new: &'a Side,
    /// The old schema with one edit each.
    half_way: &'a [Side],
}

impl Comparison<'_> {
    /// A verdict for each edit.
    fn direction(&self, direction: Direction) -> Vec<Verdict> {
        let whole = self.whole(direction);
        let example = match &whole {
            Answer::Yes => return vec![Verdict::HOLDS; self.edits.len()],
            Answer::No(example) => example.clone(),
            Answer::Unknown => None,
        };
        let mut verdicts: Vec<_> = match self.edits.len() == 1 && matches!(whole, Answer::No(Some(_))) {
            true => vec![Verdict::broken(None)],
            false => (0..self.edits.len()).map(|index| self.one(index, direction)).collect(),
        };
        let blamed = verdicts.iter().any(|verdict| !verdict.holds);
        let formats = self.edits.iter().any(|edit| edit.rule.starts_with("format-"));
        if matches!(whole, Answer::No(_)) && !blamed && !(whole == Answer::No(None) && formats) {
            // No edit does it alone: they do it together.
            for (verdict, edit) in std::iter::zip(&mut verdicts, self.edits) {
                verdict.holds = edit.effect == Effect::Keeps;
            }
            if verdicts.iter().all(|verdict| verdict.holds) {
                for verdict in &mut verdicts {
                    verdict.holds = false;
                }
            }
        }
        for (verdict, edit) in std::iter::zip(&mut verdicts, self.edits) {
            if !verdict.holds && verdict.example.is_none() {
                let whole = if verdict.by_rule { None } else { example.clone() };
                verdict.example = self.with_known_value(edit, direction).or(whole);
            }
        }
        verdicts
    }

    /// An example around a value that is known to show the edit.
    fn with_known_value(&self, edit: &Edit, direction: Direction) -> Option<Value> {
        let (at, value) = match direction {
            Direction::Backward => edit.known.lost.as_ref()?,
            Direction::Forward => edit.known.gained.as_ref()?,
        };
        let (reader, writer) = ordered(direction, self.old, self.new);
        judge::with_value(reader, writer, at, value)
    }

    /// The answer for all edits together.
    fn whole(&self, direction: Direction) -> Answer {
        let (reader, writer) = ordered(direction, self.old, self.new);
        if self.edits.iter().any(|edit| edit.about_unknown_fields) {
            return judge(reader, writer, false);
        }
        if is_covered(reader, writer) { Answer::Yes } else { judge(reader, writer, true) }
    }

    /// The verdict for one edit alone.
    fn one(&self, index: usize, direction: Direction) -> Verdict {
        let (edit, half_way) = (&self.edits[index], &self.half_way[index]);
        let (reader, writer) = ordered(direction, self.old, half_way);
        let harmless = match direction {
            Direction::Backward => matches!(edit.effect, Effect::Widens | Effect::Keeps),
            Direction::Forward => matches!(edit.effect, Effect::Narrows | Effect::Keeps),
        };
        match judge(reader, writer, !edit.about_unknown_fields) {
            Answer::Yes => Verdict::HOLDS,
            // To the proof, two formats that differ have nothing in common.
            Answer::No(None) if harmless && edit.rule.starts_with("format-") => Verdict::HOLDS,
            Answer::No(example) => {
                let (reader, writer) = ordered(direction, self.old, self.new);
                let example = example.filter(|value| writer.accepts(value) && !reader.accepts(value));
                Verdict::broken(example)
            }
            Answer::Unknown => Verdict { holds: harmless, example: None, by_rule: true },
        }
    }
}

/// Who reads, and who writes.
fn ordered<'s>(direction: Direction, old: &'s Side, new: &'s Side) -> (&'s Side, &'s Side) {
    match direction {
        Direction::Backward => (new, old),
        Direction::Forward => (old, new),
    }
}

#[cfg(test)]
mod tests;
