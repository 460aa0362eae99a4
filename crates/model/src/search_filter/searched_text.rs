//! The texts of an event that words are searched in.

use std::borrow::Cow;

use events::{DescriptionTexts, Event, Fields};
use serde_json::Value;
use unicase::UniCase;

/// Folds the case of a text: Unicode's full case folding, so that `ß` equals `ss` and the final sigma equals the other
/// one (Unicode 17, 3.13.3). The folding of a part is a part of the folding of the text.
pub fn fold_case(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            text.to_ascii_lowercase().into()
        } else {
            text.into()
        };
    }
    let mut folded = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        let (plain, others) = rest.split_at(ascii);
        folded.extend(plain.chars().map(|char| char.to_ascii_lowercase()));
        let other = others.bytes().position(|byte| byte.is_ascii()).unwrap_or(others.len());
        let (others, next) = others.split_at(other);
        if !others.is_empty() {
            folded.push_str(&UniCase::unicode(others).to_folded_case());
        }
        rest = next;
    }
    folded.into()
}

/// Returns the forms of a payload that words are searched in, in addition to its ASCII lower case: with all cases folded,
/// and with the escapes of JSON decoded. Most payloads have no other form.
pub fn other_forms(payload: &str) -> Vec<String> {
    let folded = (!payload.is_ascii()).then(|| fold_case(payload).into_owned());
    let decoded = payload.contains('\\').then(|| fold_case(&decode_escapes(payload)).into_owned());
    folded.into_iter().chain(decoded).collect()
}

/// Decodes the escapes of JSON strings in a JSON text. White space that was escaped becomes a space, as in a summary.
fn decode_escapes(json: &str) -> String {
    let (mut decoded, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(at) = rest.find('\\') {
        decoded.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let length = match escape.chars().next() {
            Some('u') => {
                let (char, length) = decode_unicode(escape);
                decoded.push(if char.is_whitespace() { ' ' } else { char });
                length
            }
            Some('n' | 't' | 'r') => {
                decoded.push(' ');
                1
            }
            // Control characters, which are not visible.
            Some('b' | 'f') => 1,
            Some(char) => {
                decoded.push(char);
                char.len_utf8()
            }
            None => 0,
        };
        rest = &escape[length..];
    }
    decoded + rest
}

/// Decodes an escape that begins with `u`, or a pair of them. Returns the character and the bytes read.
fn decode_unicode(escape: &str) -> (char, usize) {
    let unit = |text: &str| u16::from_str_radix(text.get(1..5)?, 16).ok();
    let Some(first) = unit(escape) else { return (char::REPLACEMENT_CHARACTER, 1) };
    let second = escape.get(5..).and_then(|next| unit(next.strip_prefix('\\').filter(|next| next.starts_with('u'))?));
    let mut decoded = char::decode_utf16(std::iter::once(first).chain(second));
    match decoded.next() {
        Some(Ok(char)) => (char, if char.len_utf16() == 2 { 11 } else { 5 }),
        _ => (char::REPLACEMENT_CHARACTER, 5),
    }
}

/// Returns the description of an event in plain text, folded; empty if the catalog is unknown.
pub fn folded_description(catalog: &str, fields: &Fields, payload: &str) -> String {
    let payload: Option<Value> = serde_json::from_str(payload).ok();
    let described = events::catalog(catalog).zip(payload);
    described
        .map(|(catalog, payload)| fold_case(&catalog.describe_plainly(fields, &payload)).into_owned())
        .unwrap_or_default()
}

/// Returns the fields of an event that its description may contain.
pub(crate) fn described_values(event: &Event) -> impl Iterator<Item = &str> {
    let fields = &event.fields;
    let optional = [&fields.actor, &fields.subject, &fields.project, &fields.environment];
    optional.into_iter().flatten().map(String::as_str).chain([fields.event_type.as_str()])
}

/// Returns whether the description of a type of event may contain a folded word that is not part of a value.
pub(crate) fn may_contain(texts: &DescriptionTexts, word: &str) -> bool {
    fold_case(texts.label).contains(word) || texts.literals.iter().any(|literal| may_overlap(&fold_case(literal), word))
}

/// Returns whether a word may overlap a literal of a template, whose ends touch values.
fn may_overlap(literal: &str, word: &str) -> bool {
    if word.contains(char::is_whitespace) || literal.contains(word) {
        return true;
    }
    let ends = |part: &str| part.char_indices().map(|(at, char)| at + char.len_utf8()).collect::<Vec<_>>();
    let (first, last) = (literal.split_whitespace().next(), literal.split_whitespace().next_back());
    let touches_before = !literal.starts_with(char::is_whitespace);
    let touches_after = !literal.ends_with(char::is_whitespace);
    let overlaps = |part: &str| word.contains(part);
    first
        .filter(|_| touches_before)
        .is_some_and(|part| overlaps(part) || ends(part).into_iter().any(|end| word.ends_with(&part[..end])))
        || last.filter(|_| touches_after).is_some_and(|part| {
            overlaps(part) || part.char_indices().any(|(start, _)| word.starts_with(&part[start..]))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_folding_is_complete() {
        for (a, b) in [
            ("Straße", "STRASSE"),
            ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
            ("Ünïcode", "ÜNÏCODE"),
            ("\u{212A}elvin", "Kelvin"),
            ("ﬁn", "FIN"),
            ("Ǆ", "ǆ"),
            ("ᏸ", "Ᏸ"),
        ] {
            assert_eq!(fold_case(a), fold_case(b), "{a} {b}");
        }
        assert_ne!(fold_case("u"), fold_case("ü"));
    }

    #[test]
    fn escapes_are_decoded() {
        for (json, decoded) in [
            (r#"{"a":"M\u00fcller \u003e \"q\" a\/b \\u00fc"}"#, r#"{"a":"Müller > "q" a/b \u00fc"}"#),
            (r"\ud83d\ude00 \ud83d \n|\u000a|\u00", "\u{1F600} \u{FFFD}  | |\u{FFFD}00"),
            (r"a\", "a"),
        ] {
            assert_eq!(decode_escapes(json), decoded);
        }
        assert_eq!(other_forms(r#"{"a":"plain"}"#), Vec::<String>::new());
    }

    #[test]
    fn only_words_that_touch_a_literal_may_be_in_a_description() {
        for word in ["created", "reat", "project", "a b"] {
            assert!(may_overlap(" created in project ", word), "{word}");
        }
        assert!(!may_overlap(" created in project ", "dark-mode"));
        assert!(may_overlap(": ", "dark:") && may_overlap(" (", "(dark") && may_overlap("'s ", "ada's"));
        assert!(!may_overlap(": ", ";dark"));
    }
}
