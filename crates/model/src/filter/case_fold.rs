//! Case folding for text searches.

/// A text in lower case, character by character: without context, so that a part of a text is the same
/// part of it in lower case. No other character becomes an ASCII one, so that ASCII can be looked for in
/// bytes.
pub fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut lower = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_ascii() {
            lower.push(char.to_ascii_lowercase());
        } else if char.to_lowercase().any(|char| char.is_ascii()) {
            lower.push(char);
        } else {
            lower.extend(char.to_lowercase());
        }
    }
    lower
}

/// A text in lower case as PostgreSQL has it: two characters that are not ASCII become ASCII ones.
pub(crate) fn fold(text: &str) -> String {
    let lower = lower(text);
    if lower.is_ascii() { lower } else { lower.replace('\u{130}', "i").replace('\u{212A}', "k") }
}
