//! Queries for the words that people read.

use events::Event;

use super::searched_text::{described_values, fold_case, folded_description, may_contain, other_forms};
use crate::webhook_id::WebhookId;

/// Maximum number of words of a query.
pub const MAX_QUERY_WORDS: usize = 50;

/// The error of a query that cannot be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWords {
    /// There is no word.
    #[error("has no word: omit it, or give it a word or a phrase in quotation marks")]
    None,
    /// There are too many words.
    #[error("has too many words (maximum {MAX_QUERY_WORDS}): put them into quotation marks to search for a phrase")]
    TooMany,
}

/// A query for words: an event matches if it contains each of them.
#[derive(Debug, Clone)]
pub struct WordQuery {
    words: Vec<Word>,
}

/// A word or phrase.
#[derive(Debug, Clone)]
pub struct Word {
    /// The text, with its case folded.
    text: String,
    /// The event whose id, or a webhook's id, is the word.
    event: Option<u64>,
    /// True if the text of a template may contain the word.
    may_be_described: bool,
}

impl WordQuery {
    /// Parses words that are separated by white space. A phrase is enclosed in quotation marks, of which the first
    /// begins a word and the second ends one.
    ///
    /// # Errors
    /// If there is no word, or there are too many.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidWords> {
        let mut texts = split(text);
        // A word that is part of another one is found with it.
        texts.sort_unstable_by_key(|text| std::cmp::Reverse(text.len()));
        let mut words: Vec<Word> = Vec::new();
        for text in texts {
            if !words.iter().any(|word| word.text.contains(&text)) {
                words.push(Word::new(text));
            }
        }
        match words.len() {
            0 => Err(InvalidWords::None),
            1..=MAX_QUERY_WORDS => Ok(Self { words }),
            _ => Err(InvalidWords::TooMany),
        }
    }

    /// Creates a query for one phrase.
    pub(crate) fn phrase(text: &str) -> Self {
        Self { words: vec![Word::new(fold_case(text).into_owned())] }
    }

    /// Returns the words, the longest first.
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// Returns whether an event matches.
    pub(crate) fn matches(&self, event: &Event) -> bool {
        let payload = String::from_utf8_lossy(&event.payload);
        let mut texts = other_forms(&payload);
        texts.push(payload.to_ascii_lowercase());
        texts.extend(described_values(event).map(|value| fold_case(value).into_owned()));
        let mut description = None;
        self.words.iter().all(|word| {
            word.is_in(&texts)
                || word.event == Some(event.id.as_u64())
                || (word.may_be_described
                    && description
                        .get_or_insert_with(|| folded_description(&event.catalog, &event.fields, &payload))
                        .contains(&word.text))
        })
    }
}

impl Word {
    fn new(text: String) -> Self {
        let event = WebhookId::event_in_prefix(&text).unwrap_or(&text).parse().ok();
        let texts = events::catalogs().flat_map(events::Catalog::description_texts);
        let may_be_described = texts.into_iter().any(|texts| may_contain(&texts, &text));
        Self { text, event, may_be_described }
    }

    /// Returns the text, with its case folded.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the id of the event that the word names.
    pub fn event(&self) -> Option<u64> {
        self.event
    }

    /// Returns whether one of these folded texts contains the word.
    pub fn is_in(&self, texts: &[String]) -> bool {
        texts.iter().any(|text| text.contains(&self.text))
    }

    /// Returns whether the description of an event of this type may contain the word, apart from the event's values.
    pub fn may_be_described(&self, catalog: &str, event_type: &str) -> bool {
        self.may_be_described
            && events::catalog(catalog)
                .is_some_and(|catalog| may_contain(&catalog.description_texts_of(event_type), &self.text))
    }
}

/// Splits a query into folded words and phrases.
fn split(text: &str) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), text.trim_start());
    while !rest.is_empty() {
        let (word, next) = match rest.strip_prefix('"').and_then(split_phrase) {
            Some(split) => split,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        let word = word.split_whitespace().collect::<Vec<_>>().join(" ");
        if !word.is_empty() {
            words.push(fold_case(&word).into_owned());
        }
        rest = next.trim_start();
    }
    words
}

/// Splits a text after the first quotation mark that ends a word.
fn split_phrase(text: &str) -> Option<(&str, &str)> {
    let ends_word = |at: &usize| text[at + 1..].chars().next().is_none_or(char::is_whitespace);
    let at = text.match_indices('"').map(|(at, _)| at).find(ends_word)?;
    Some((&text[..at], &text[at + 1..]))
}

#[cfg(test)]
mod tests {
    use events::{EventId, Fields, Scope};
    use jiff::Timestamp;

    use super::*;

    fn event(catalog: &str, event_type: &str, payload: &str) -> Event {
        let fields = Fields {
            scope: Scope::Lifecycle,
            event_type: event_type.to_owned(),
            time: Timestamp::UNIX_EPOCH,
            time_given: true,
            actor: Some("Ada Müller".to_owned()),
            subject: Some("dark-mode".to_owned()),
            entities: Vec::new(),
            project: Some("web".to_owned()),
            environment: None,
            level: None,
            schema_version: None,
        };
        Event {
            id: EventId::from_u64(3_479_069_955_254_805).unwrap(),
            source: "a".to_owned(),
            catalog: catalog.to_owned(),
            received_at: Timestamp::UNIX_EPOCH,
            stored_at: None,
            fields,
            payload: payload.as_bytes().to_vec(),
            hops: 0,
            nudge: None,
        }
    }

    #[test]
    fn queries_are_split_into_words_and_phrases() {
        for (query, words) in [
            ("Dark  mode ", &["dark", "mode"][..]),
            (r#"say "Hi there" now"#, &["hi there", "say", "now"]),
            (r#""rollout":"50""#, &[r#"rollout":"50"#]),
            (r#""a b":"c d""#, &[r#"a b":"c d"#]),
            (r#"5" x"#, &["5\"", "x"]),
            (r#"x "a b"#, &["\"a", "x", "b"]),
            ("alice ali", &["alice"]),
        ] {
            let found = WordQuery::parse(query).unwrap();
            let mut found: Vec<&str> = found.words().iter().map(Word::text).collect();
            let mut words = words.to_vec();
            found.sort_unstable();
            words.sort_unstable();
            assert_eq!(found, words, "{query}");
        }
        for empty in ["", "  ", "\"\"", "\" \""] {
            assert_eq!(WordQuery::parse(empty).unwrap_err(), InvalidWords::None);
        }
        let many = (100..200).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(WordQuery::parse(&many).unwrap_err(), InvalidWords::TooMany);
    }

    #[test]
    fn texts_are_found_as_people_read_them_and_as_they_were_sent() {
        let payload = r#"{"type":"deploy","text":"M\u00fcller: a \u003e b, R\u0026D, \"q\" c\/d\nStra\u00DFe"}"#;
        let event = event("signal", "deploy", payload);
        for query in [
            "Müller",
            "MÜLLER",
            "a > b",
            "\"a > b\"",
            "R&D",
            "\"q\"",
            "c/d",
            "STRASSE",
            "\"c/d straße\"",
            r"M\u00fcller",
            r"a \u003e b",
            "müller strasse",
            "ada web",
            r#""text":"M"#,
            "dark-mode",
            "3479069955254805",
            "msg_3479069955254805_0a1b2c3d4e5f",
            "msg_3479069955254805",
        ] {
            assert!(WordQuery::parse(query).unwrap().matches(&event), "{query}");
        }
        for query in ["\"b a\"", "müller zebra", "Muller", "347906995525480", "msg_3479069955254806_0a1b2c3d4e5f"] {
            assert!(!WordQuery::parse(query).unwrap().matches(&event), "{query}");
        }
    }

    #[test]
    fn the_words_of_a_summary_are_found() {
        let example = events::catalog("unleash").unwrap().event_type("feature-archived").unwrap().examples[0];
        let catalog = events::catalog("unleash").unwrap();
        let received_at = "2026-01-01T00:00:00Z".parse().unwrap();
        let extracted = catalog.extract(example.as_bytes(), received_at).unwrap();
        let event = Event { fields: extracted.fields, ..event("unleash", "feature-archived", example) };
        let summary = catalog.describe_plainly(&event.fields, &serde_json::from_str(example).unwrap());
        assert!(summary.contains("archived test-flag in project"), "{summary}");
        for line in summary.lines() {
            assert!(WordQuery::parse(line).unwrap().matches(&event), "{line}");
            assert!(WordQuery::phrase(line).matches(&event), "{line}");
        }
        assert!(!WordQuery::parse("revived").unwrap().matches(&event));
    }
}
