//! Finds banned phrases in passages.

use regex::{Regex, RegexSet};

use super::banned::{LONE_WORDS, OPENINGS, PHRASES, Phrase, SENTENCES};
use super::passage::{Kind, Passage};

/// Characters of a phrase that are printed.
const MAX_SHOWN: usize = 60;

/// A banned phrase in a passage.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) line: usize,
    pub(super) phrase: String,
    pub(super) instead: &'static str,
}

/// The compiled list of phrases.
pub(super) struct Checker {
    any: RegexSet,
    rules: Vec<Rule>,
}

type KindFilter = fn(Kind) -> bool;

struct Rule {
    phrase: Regex,
    unless: Option<Regex>,
    instead: &'static str,
    applies_to: KindFilter,
}

impl Checker {
    /// Compiles the list.
    pub(super) fn new() -> Result<Self, regex::Error> {
        let has_openings = |kind| matches!(kind, Kind::DocComment | Kind::Description);
        let has_sentences = |kind| !matches!(kind, Kind::TestName | Kind::Literal);
        let groups: [(&[Phrase], KindFilter); 4] = [
            (PHRASES, |_| true),
            (OPENINGS, has_openings),
            (SENTENCES, has_sentences),
            (&[LONE_WORDS], |kind| kind == Kind::Description),
        ];
        let phrases = groups.iter().flat_map(|(phrases, _)| phrases.iter());
        let any = RegexSet::new(phrases.map(|phrase| bounded(phrase.pattern)))?;
        let mut rules = Vec::new();
        for (phrases, applies_to) in groups {
            for Phrase { pattern, unless, instead } in phrases {
                let unless = if unless.is_empty() { None } else { Some(Regex::new(&bounded(unless))?) };
                rules.push(Rule { phrase: Regex::new(&bounded(pattern))?, unless, instead, applies_to });
            }
        }
        Ok(Self { any, rules })
    }

    /// Returns the banned phrases of a passage.
    pub(super) fn check(&self, passage: &Passage) -> Vec<Finding> {
        let mut findings = Vec::new();
        let rules = self.any.matches(&passage.text).into_iter().map(|index| &self.rules[index]);
        for rule in rules.filter(|rule| (rule.applies_to)(passage.kind)) {
            let captures = rule.phrase.captures_iter(&passage.text);
            for found in captures.filter_map(|captures| captures.get(1).or_else(|| captures.get(0))) {
                let is_fine = rule.unless.as_ref().is_some_and(|unless| {
                    unless.find_iter(&passage.text).any(|fine| fine.start() < found.end() && found.start() < fine.end())
                });
                if !is_fine {
                    let phrase = found.as_str().chars().take(MAX_SHOWN).collect();
                    findings.push(Finding { line: passage.line(found.start()), phrase, instead: rule.instead });
                }
            }
        }
        findings
    }
}

/// A pattern that neither begins nor ends within a word.
fn bounded(pattern: &str) -> String {
    format!(r"(?i)\b{{start-half}}(?:{pattern})\b{{end-half}}")
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    static CHECKER: LazyLock<Checker> = LazyLock::new(|| Checker::new().unwrap());

    fn phrases(kind: Kind, text: &str) -> Vec<String> {
        let passage = Passage::of_line(kind, 1, text).without_code();
        CHECKER.check(&passage).into_iter().map(|finding| finding.phrase).collect()
    }

    #[test]
    fn banned_phrases_are_found() {
        for (text, phrase) in [
            ("It is told of a failure.", "is told"),
            ("The block is read anew.", "anew"),
            ("An array is no object.", "is no"),
            ("There is none.", "is none"),
            ("Waits so many seconds.", "so many"),
            ("The id stands in the header.", "stands in"),
            ("The body is sent as it is.", "as it is."),
            ("Whoever reads it.", "Whoever"),
            ("What became of it", "became of"),
        ] {
            let found = phrases(Kind::Comment, text);
            assert!(found.iter().any(|found| found == phrase), "{text}: {found:?}");
        }
    }

    #[test]
    fn plain_english_is_fine() {
        for text in [
            "There is no SLA, and the key is no longer valid.",
            "Retries as soon as it is ready.",
            "It happens so often that a cache pays off.",
            "Returns whether the target is paused, and what failed.",
            "Use `as it is.` and `anew` in code.",
            "The mendicant's dearth of goons on the besieged amend.",
            "What does a search cost? It depends.",
        ] {
            let found = phrases(Kind::Comment, text);
            assert!(found.is_empty(), "{text}: {found:?}");
        }
    }

    #[test]
    fn openings_are_checked_in_doc_comments_and_descriptions() {
        for text in
            ["What was refused.", "Of which sources it is known.", "Whether it is paused.", "When it was stored."]
        {
            assert!(!phrases(Kind::DocComment, text).is_empty(), "{text}");
            assert!(!phrases(Kind::Description, text).is_empty(), "{text}");
        }
        assert!(phrases(Kind::Comment, "When a target is paused, its deliveries are held.").is_empty());
        assert!(phrases(Kind::DocComment, "Returns whether it is paused.").is_empty());
        assert!(!phrases(Kind::Comment, "Nothing else. What was refused is kept.").is_empty());
    }

    #[test]
    fn descriptions_have_a_noun() {
        for text in ["Those.", "When.", "Which one.", "Those secrets.", "One."] {
            assert!(!phrases(Kind::Description, text).is_empty(), "{text}");
        }
        assert!(phrases(Kind::Description, "Time of the last attempt.").is_empty());
    }
}
