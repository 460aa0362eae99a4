//! Inclusion of regular expressions: whether one pattern matches every text that another matches.
//!
//! Both patterns are compiled to automata, which are walked in parallel. A reachable pair of states of
//! which only one accepts yields a text that only one pattern matches.

use std::collections::{HashMap, VecDeque};

use regex_automata::Anchored;
use regex_automata::dfa::dense::{Config, DFA};
use regex_automata::dfa::{Automaton, StartError, StartKind};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;

/// Maximum size of an automaton.
const MAX_AUTOMATON_BYTES: usize = 4 << 20;
/// Maximum number of visited combinations of states.
const MAX_STATE_PAIRS: usize = 200_000;

/// For each visited combination of states, the previous combination and the byte that leads to it.
type Predecessors = HashMap<[StateID; 3], Option<([StateID; 3], u8)>>;

/// The answer to the question whether `outer` matches every text that `inner` matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inclusion {
    /// `outer` matches every text that `inner` matches.
    Yes,
    /// `inner` matches this text, and `outer` does not.
    No(String),
    /// A pattern is not a supported regular expression, or the automata are too large.
    Unknown,
}

/// Decides whether the pattern `outer` matches every text that `inner` matches. As in JSON Schema, a
/// pattern may match anywhere in a text.
pub(super) fn pattern_inclusion(outer: &str, inner: &str) -> Inclusion {
    walk_automata(outer, inner).unwrap_or(Inclusion::Unknown)
}

fn walk_automata(outer: &str, inner: &str) -> Option<Inclusion> {
    // The third automaton restricts the walk to valid UTF-8.
    let automata = [compile_automaton(inner)?, compile_automaton(outer)?, compile_automaton(r"^(?s:.)*$")?];
    let first = automata.each_ref().map(start_state);
    let first = [first[0].clone().ok()?, first[1].clone().ok()?, first[2].clone().ok()?];
    let mut predecessors: Predecessors = HashMap::from([(first, None)]);
    let mut queue = VecDeque::from([first]);
    while let Some(states) = queue.pop_front() {
        let accepts = |index: usize| {
            let (automaton, state) = (&automata[index], states[index]);
            automaton.is_match_state(state) || automaton.is_match_state(automaton.next_eoi_state(state))
        };
        if accepts(0) && !accepts(1) && accepts(2) {
            return Some(Inclusion::No(text_to(&predecessors, states)?));
        }
        if predecessors.len() > MAX_STATE_PAIRS {
            return None;
        }
        // Printable bytes first: the first text found becomes the example.
        for byte in (b' '..=b'~').chain(0..b' ').chain(0x7f..=0xff) {
            let mut to = states;
            for (state, automaton) in to.iter_mut().zip(&automata) {
                // A match anywhere in the text is a match of the text.
                if !automaton.is_match_state(*state) {
                    *state = automaton.next_state(*state, byte);
                }
            }
            if automata[2].is_dead_state(to[2]) || automata[0].is_dead_state(to[0]) {
                continue;
            }
            predecessors.entry(to).or_insert_with(|| {
                queue.push_back(to);
                Some((states, byte))
            });
        }
    }
    Some(Inclusion::Yes)
}

fn compile_automaton(pattern: &str) -> Option<DFA<Vec<u32>>> {
    let pattern = jsonschema_regex::to_rust_regex(pattern).ok()?;
    let config = Config::new()
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(MAX_AUTOMATON_BYTES))
        .determinize_size_limit(Some(MAX_AUTOMATON_BYTES));
    DFA::builder().configure(config).build(&pattern).ok()
}

fn start_state(automaton: &DFA<Vec<u32>>) -> Result<StateID, StartError> {
    automaton.start_state(&start::Config::new().anchored(Anchored::No))
}

/// Returns the text that leads to `states`.
fn text_to(predecessors: &Predecessors, mut states: [StateID; 3]) -> Option<String> {
    let mut bytes = Vec::new();
    while let Some((before, byte)) = predecessors.get(&states)? {
        bytes.push(*byte);
        states = *before;
    }
    bytes.reverse();
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inclusion_is_decided_by_the_texts_that_patterns_match() {
        let uuid = r"^/1\.0/instances/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
        for (outer, inner) in [
            ("^a", "^ab"),
            ("a", "^b*a$"),
            ("^[0-9]+$", r"^\d{3}$"),
            (r"^\d$", "^[0-9]$"),
            ("^(a|b)*$", "^a*$"),
            (r"^/1\.0/instances/[^/?]+(\?.*)?$", uuid),
            ("", "^x$"),
        ] {
            assert_eq!(pattern_inclusion(outer, inner), Inclusion::Yes, "{outer} and {inner}");
        }
        for (outer, inner) in
            [("^ab", "^a"), ("^a*$", "^(a|b)*$"), ("^[a-z]+$", "^[a-z]*$"), (uuid, "^/1"), ("^.$", "^[^x]$")]
        {
            let Inclusion::No(text) = pattern_inclusion(outer, inner) else { panic!("{outer} and {inner}") };
            let matches =
                |pattern: &str| jsonschema::is_valid(&serde_json::json!({ "pattern": pattern }), &text.clone().into());
            assert!(matches(inner) && !matches(outer), "{outer} and {inner}: {text}");
        }
        assert_eq!(pattern_inclusion("(?=a)", "a"), Inclusion::Unknown);
    }
}
