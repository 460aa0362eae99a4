//! Text for messages.

/// Truncates `text` to at most `max_characters` characters, followed by an ellipsis.
pub(super) fn truncate(text: String, max_characters: usize) -> String {
    match text.char_indices().nth(max_characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
