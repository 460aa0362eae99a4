//! Sampling of strings: by format, pattern, or length.

use regex_syntax::hir::{Hir, HirKind};
use serde_json::Value;

use super::schema_list::{Schema, bound, values};

/// Maximum number of extra repetitions for an unbounded `*` or `+` in a pattern.
const MAX_EXTRA_REPETITIONS: u32 = 3;
/// Maximum number of extra repetitions for a bounded repetition in a pattern.
const MAX_BOUNDED_REPETITIONS: u32 = 40;
/// Maximum length of a generated string, in characters.
const MAX_CHARACTERS: u64 = 4096;

/// Generates a string for the keywords of `schemas`.
pub(super) fn sample_string(schemas: &[&Schema], random: &mut fastrand::Rng) -> String {
    let format = values(schemas, "format").into_iter().find_map(Value::as_str);
    if let Some(examples) = format.and_then(format_examples) {
        return examples[random.usize(..examples.len())].to_owned();
    }
    let pattern = values(schemas, "pattern").into_iter().find_map(Value::as_str);
    let mut text = pattern.and_then(|pattern| matching_string(pattern, random)).unwrap_or_else(|| word(random));
    let shortest = bound(schemas, "minLength", u64::max).unwrap_or(0);
    let longest = bound(schemas, "maxLength", u64::min);
    let length = match longest {
        Some(most) if random.u8(..4) == 0 => most.min(MAX_CHARACTERS),
        _ if random.u8(..4) == 0 => shortest,
        _ => text.chars().count() as u64,
    };
    let length = usize::try_from(length.clamp(shortest, longest.unwrap_or(u64::MAX).max(shortest)).min(MAX_CHARACTERS))
        .unwrap_or(0);
    if pattern.is_none() {
        while text.chars().count() < length {
            text.push('x');
        }
        text = text.chars().take(length).collect();
    }
    text
}

fn word(random: &mut fastrand::Rng) -> String {
    const WORDS: [&str; 8] = ["", "a", "two words", "größe", "日本", "x-1", "\"quoted\" \\ \n", "a rather longer text"];
    WORDS[random.usize(..WORDS.len())].to_owned()
}

/// Returns examples of a format, including unusual ones.
fn format_examples(format: &str) -> Option<&'static [&'static str]> {
    Some(match format {
        "date" => &["2024-02-29", "1999-12-31"],
        "date-time" => &[
            "2024-10-03T11:09:53.225Z",
            "2024-10-03t11:09:53z",
            "2016-12-31T23:59:60Z",
            "2024-02-29T00:00:00.123456789+02:00",
            "2001-01-01T00:00:00-00:00",
        ],
        "duration" => &["P1D", "PT10S"],
        "email" => &["ada@example.org", "\"a b\"@example.org"],
        "hostname" => &["example.org", "xn--bcher-kva.example"],
        "ipv4" => &["192.0.2.1", "0.0.0.0"],
        "ipv6" => &["2001:db8::1", "::ffff:192.0.2.1"],
        "json-pointer" => &["", "/a/b"],
        "regex" => &["^a+$", "."],
        "time" => &["11:09:53Z", "23:59:60Z"],
        "uri" => &["https://example.org/a?b=c#d", "urn:isbn:0451450523"],
        "uri-reference" => &["/a", "https://example.org"],
        "uuid" => &["0c1a0f52-6f0e-4d8b-9a35-2f6f5f1f7c11", "0C1A0F52-6F0E-4D8B-9A35-2F6F5F1F7C11"],
        _ => return None,
    })
}

/// Generates a string that `pattern` matches. Returns `None` for patterns with look-around or
/// backreferences.
pub(super) fn matching_string(pattern: &str, random: &mut fastrand::Rng) -> Option<String> {
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    let mut text = String::new();
    push_match(&hir, &mut text, random);
    Some(text)
}

fn push_match(hir: &Hir, text: &mut String, random: &mut fastrand::Rng) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.extend(character(class, random)),
        HirKind::Repetition(repetition) => {
            let most = repetition
                .max
                .unwrap_or(repetition.min + MAX_EXTRA_REPETITIONS)
                .min(repetition.min + MAX_BOUNDED_REPETITIONS);
            for _ in 0..random.u32(repetition.min..=most.max(repetition.min)) {
                push_match(&repetition.sub, text, random);
            }
        }
        HirKind::Capture(capture) => push_match(&capture.sub, text, random),
        HirKind::Concat(parts) => parts.iter().for_each(|part| push_match(part, text, random)),
        HirKind::Alternation(choices) => {
            if let Some(choice) = random.choice(choices) {
                push_match(choice, text, random);
            }
        }
    }
}

/// Picks a character of a class, printable ASCII if the class contains any.
fn character(class: &regex_syntax::hir::Class, random: &mut fastrand::Rng) -> Option<char> {
    let regex_syntax::hir::Class::Unicode(class) = class else { return None };
    let readable: Vec<_> = class.ranges().iter().filter(|range| range.start() <= '~' && range.end() >= '!').collect();
    match random.choice(readable) {
        Some(range) => Some(random.char(range.start().max('!')..=range.end().min('~'))),
        None => class.ranges().first().map(regex_syntax::hir::ClassUnicodeRange::start),
    }
}
