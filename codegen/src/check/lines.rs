//! On which line of a JSON text a JSON Pointer leads.

use crate::problem::key;

/// The line, from 1, of what `pointer` means in `text`, or of the nearest thing around it that is
/// there. `text` must be JSON.
pub(super) fn line(text: &str, pointer: &str) -> usize {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, best: (0, 0) };
    let steps: Vec<String> = pointer.split('/').skip(1).map(key).collect();
    scan.value(&steps, 0, true);
    let end = scan.best.1.min(text.len());
    text.as_bytes()[..end].split(|byte| *byte == b'\n').count()
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// How many steps have been followed, and where that led.
    best: (usize, usize),
}

impl Scan<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    /// Passes over a value; `here` while it stands on the way that `steps` describe.
    fn value(&mut self, steps: &[String], depth: usize, here: bool) {
        match self.peek() {
            Some(open @ (b'{' | b'[')) => self.children(steps, depth, here, open == b'{'),
            Some(b'"') => drop(self.string()),
            _ => {
                while self.bytes.get(self.at).is_some_and(|byte| !b",]} \t\r\n".contains(byte)) {
                    self.at += 1;
                }
            }
        }
    }

    fn children(&mut self, steps: &[String], depth: usize, here: bool, object: bool) {
        self.at += 1;
        let mut index = 0;
        while let Some(byte) = self.peek() {
            if byte == b'}' || byte == b']' {
                self.at += 1;
                return;
            }
            let start = self.at;
            let key = if object { self.string() } else { index.to_string() };
            if object && self.peek() == Some(b':') {
                self.at += 1;
            }
            let next = here && steps.get(depth).is_some_and(|step| *step == key);
            if next && depth + 1 > self.best.0 {
                self.best = (depth + 1, start);
            }
            self.value(steps, depth + 1, next);
            if self.peek() == Some(b',') {
                self.at += 1;
            } else if !matches!(self.peek(), Some(b'}' | b']')) {
                return;
            }
            index += 1;
        }
    }

    fn string(&mut self) -> String {
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
    fn pointers_lead_to_lines() {
        let text = "{\n \"a\": [1,\n  {\"b/c\": \"}\\\"\"}\n ],\n \"d\": {\n  \"e\": null}\n}";
        for (pointer, wanted) in
            [("", 1), ("/a", 2), ("/a/0", 2), ("/a/1", 3), ("/a/1/b~1c", 3), ("/d", 5), ("/d/e", 6), ("/d/no/no", 5)]
        {
            assert_eq!(line(text, pointer), wanted, "{pointer}");
        }
        assert_eq!(line("", "/a"), 1);
        assert_eq!(line("{\"a\"", "/a/b"), 1);
    }
}
