//! Case folding for text searches.

/// Returns a text in lower case. Characters are converted without their context, so that the lower case of a part is a
/// part of the lower case of the text. Non-ASCII characters never become ASCII, so that ASCII can be searched for in
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

/// Returns a text in lower case as PostgreSQL converts it: two non-ASCII characters become ASCII.
pub(crate) fn fold(text: &str) -> String {
    let lower = lower(text);
    if lower.is_ascii() { lower } else { lower.replace('\u{130}', "i").replace('\u{212A}', "k") }
}
