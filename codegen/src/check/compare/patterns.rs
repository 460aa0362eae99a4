//! Whether one pattern matches all that another does.
//!
//! Both become automata, which are walked side by side: a pair of states where the text may end,
//! one accepting and the other not, is reached by a text that tells them apart.

use std::collections::{HashMap, VecDeque};

use regex_automata::Anchored;
use regex_automata::dfa::dense::{Config, DFA};
use regex_automata::dfa::{Automaton, StartError, StartKind};
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;

/// The largest automaton, in bytes.
const LARGEST: usize = 4 << 20;
/// How many pairs of states are looked at.
const MOST_PAIRS: usize = 200_000;

/// How two patterns relate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inclusion {
    /// Whatever `inner` matches, `outer` matches.
    Yes,
    /// It does not match this text, which `inner` does.
    No(String),
    /// One is no regular expression, or they are too large.
    Unknown,
}

/// Whether the pattern `outer` matches whatever `inner` does, anywhere in a text.
pub(super) fn includes(outer: &str, inner: &str) -> Inclusion {
    walk(outer, inner).unwrap_or(Inclusion::Unknown)
}

fn walk(outer: &str, inner: &str) -> Option<Inclusion> {
    // The third keeps the walk to texts, which are UTF-8.
    let automata = [automaton(inner)?, automaton(outer)?, automaton(r"^(?s:.)*$")?];
    let first = automata.each_ref().map(start);
    let first = [first[0].clone().ok()?, first[1].clone().ok()?, first[2].clone().ok()?];
    let mut from: HashMap<[StateID; 3], Option<([StateID; 3], u8)>> = HashMap::from([(first, None)]);
    let mut next = VecDeque::from([first]);
    while let Some(states) = next.pop_front() {
        let ends = |index: usize| {
            let (automaton, state) = (&automata[index], states[index]);
            automaton.is_match_state(state) || automaton.is_match_state(automaton.next_eoi_state(state))
        };
        if ends(0) && !ends(1) && ends(2) {
            return Some(Inclusion::No(text(&from, states)?));
        }
        if from.len() > MOST_PAIRS {
            return None;
        }
        // Readable bytes first: the first text found is the one that is shown.
        for byte in (b' '..=b'~').chain(0..b' ').chain(0x7f..=0xff) {
            let mut to = states;
            for (state, automaton) in to.iter_mut().zip(&automata) {
                // Once a text matches somewhere it matches, whatever follows.
                if !automaton.is_match_state(*state) {
                    *state = automaton.next_state(*state, byte);
                }
            }
            if automata[2].is_dead_state(to[2]) || automata[0].is_dead_state(to[0]) {
                continue;
            }
            from.entry(to).or_insert_with(|| {
                next.push_back(to);
                Some((states, byte))
            });
        }
    }
    Some(Inclusion::Yes)
}

fn automaton(pattern: &str) -> Option<DFA<Vec<u32>>> {
    let pattern = jsonschema_regex::to_rust_regex(pattern).ok()?;
    let config = Config::new()
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(LARGEST))
        .determinize_size_limit(Some(LARGEST));
    DFA::builder().configure(config).build(&pattern).ok()
}

fn start(automaton: &DFA<Vec<u32>>) -> Result<StateID, StartError> {
    automaton.start_state(&start::Config::new().anchored(Anchored::No))
}

/// The text that leads to `states`.
fn text(from: &HashMap<[StateID; 3], Option<([StateID; 3], u8)>>, mut states: [StateID; 3]) -> Option<String> {
    let mut bytes = Vec::new();
    while let Some((before, byte)) = from.get(&states)? {
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
    fn patterns_are_compared_as_what_they_match() {
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
            assert_eq!(includes(outer, inner), Inclusion::Yes, "{outer} and {inner}");
        }
        for (outer, inner) in
            [("^ab", "^a"), ("^a*$", "^(a|b)*$"), ("^[a-z]+$", "^[a-z]*$"), (uuid, "^/1"), ("^.$", "^[^x]$")]
        {
            let Inclusion::No(text) = includes(outer, inner) else { panic!("{outer} and {inner}") };
            let matches =
                |pattern: &str| jsonschema::is_valid(&serde_json::json!({ "pattern": pattern }), &text.clone().into());
            assert!(matches(inner) && !matches(outer), "{outer} and {inner}: {text}");
        }
        assert_eq!(includes("(?=a)", "a"), Inclusion::Unknown);
    }
}
