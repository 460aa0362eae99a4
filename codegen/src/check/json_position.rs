//! Line numbers of JSON Pointers in JSON text.

use crate::json_pointer::unescape_token;

/// Returns the line, counted from 1, of the value at `pointer` in `text`, which must be JSON. If there
/// is no such value, returns the line of its innermost existing parent.
pub(super) fn line_of_pointer(text: &str, pointer: &str) -> usize {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, best: (0, 0) };
    let tokens: Vec<String> = pointer.split('/').skip(1).map(unescape_token).collect();
    scanner.skip_value(&tokens, 0, true);
    let end = scanner.best.1.min(text.len());
    text.as_bytes()[..end].split(|byte| *byte == b'\n').count()
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Number of tokens of the pointer that were found, and the byte offset of the last one.
    best: (usize, usize),
}

impl Scanner<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Skips a value; `on_path` is true if the first `depth` tokens lead to it.
    fn skip_value(&mut self, tokens: &[String], depth: usize, on_path: bool) {
        match self.peek() {
            Some(open @ (b'{' | b'[')) => self.skip_children(tokens, depth, on_path, open == b'{'),
            Some(b'"') => drop(self.read_string()),
            _ => {
                while self.bytes.get(self.at).is_some_and(|byte| !b",]} \t\r\n".contains(byte)) {
                    self.at += 1;
                }
            }
        }
    }

    fn skip_children(&mut self, tokens: &[String], depth: usize, on_path: bool, is_object: bool) {
        self.at += 1;
        let mut index = 0;
        while let Some(byte) = self.peek() {
            if byte == b'}' || byte == b']' {
                self.at += 1;
                return;
            }
            let start = self.at;
            let key = if is_object { self.read_string() } else { index.to_string() };
            if is_object && self.peek() == Some(b':') {
                self.at += 1;
            }
            let is_next = on_path && tokens.get(depth).is_some_and(|token| *token == key);
            if is_next && depth + 1 > self.best.0 {
                self.best = (depth + 1, start);
            }
            self.skip_value(tokens, depth + 1, is_next);
            if self.peek() == Some(b',') {
                self.at += 1;
            } else if !matches!(self.peek(), Some(b'}' | b']')) {
                return;
            }
            index += 1;
        }
    }

    fn read_string(&mut self) -> String {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                break;
            }
        }
        let text = self.bytes.get(start..self.at).unwrap_or_default();
        serde_json::from_slice(text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_map_to_lines() {
        let text = "{\n \"a\": [1,\n  {\"b/c\": \"}\\\"\"}\n ],\n \"d\": {\n  \"e\": null}\n}";
        for (pointer, wanted) in
            [("", 1), ("/a", 2), ("/a/0", 2), ("/a/1", 3), ("/a/1/b~1c", 3), ("/d", 5), ("/d/e", 6), ("/d/no/no", 5)]
        {
            assert_eq!(line_of_pointer(text, pointer), wanted, "{pointer}");
        }
        assert_eq!(line_of_pointer("", "/a"), 1);
        assert_eq!(line_of_pointer("{\"a\"", "/a/b"), 1);
    }
}
