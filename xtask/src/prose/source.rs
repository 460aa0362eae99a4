//! Passages of Rust and JavaScript: comments, strings and names of tests.

use super::passage::{Kind, Passage};

/// Strings with fewer words are names and codes.
const MIN_WORDS: usize = 3;

/// The language of a source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    JavaScript,
    Css,
}

/// Returns the passages of a source file.
pub(super) fn passages(text: &str, language: Language) -> Vec<Passage> {
    let mut scanner = Scanner { text, at: 0, line: 1, language, passages: Vec::new(), comment: None };
    scanner.scan();
    let mut passages = scanner.passages;
    if language == Language::Rust {
        passages.extend(test_names(text));
    }
    passages
}

/// The block of line comments that is being read.
struct Block {
    passage: Passage,
    marker: &'static str,
    last_line: usize,
    is_code: bool,
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    language: Language,
    passages: Vec<Passage>,
    comment: Option<Block>,
}

impl Scanner<'_> {
    fn scan(&mut self) {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            if rest.starts_with("//") && self.language != Language::Css {
                self.line_comment();
            } else if rest.starts_with("/*") {
                self.block_comment();
            } else if let Some(hashes) = self.raw_string() {
                self.string(&format!("\"{hashes}"), hashes.len() + 2, false);
            } else if rest.starts_with('"') {
                self.string("\"", 1, true);
            } else if self.language == Language::Rust && rest.starts_with('\'') {
                self.character_or_lifetime();
            } else if self.language == Language::JavaScript && rest.starts_with(['\'', '`']) {
                let quote = rest[..1].to_owned();
                self.string(&quote, 1, true);
            } else if self.language == Language::JavaScript && rest.starts_with('/') && self.is_pattern_allowed() {
                self.pattern();
            } else {
                self.skip(rest.chars().next().map_or(1, char::len_utf8));
            }
        }
        self.finish_comment();
    }

    fn skip(&mut self, bytes: usize) {
        let end = (self.at + bytes).min(self.text.len());
        self.line += self.text[self.at..end].matches('\n').count();
        self.at = end;
    }

    fn finish_comment(&mut self) {
        if let Some(block) = self.comment.take()
            && !block.passage.is_empty()
        {
            self.passages.push(block.passage);
        }
    }

    fn line_comment(&mut self) {
        let rest = &self.text[self.at..];
        let length = rest.find('\n').unwrap_or(rest.len());
        let line = &rest[..length];
        let marker = if line.starts_with("////") {
            "////"
        } else {
            ["///", "//!", "//"].into_iter().find(|marker| line.starts_with(marker)).unwrap_or("//")
        };
        let content = line[marker.len()..].trim();
        let is_next =
            self.comment.as_ref().is_some_and(|block| block.marker == marker && block.last_line + 1 == self.line);
        if !is_next {
            self.finish_comment();
        }
        let kind = if marker.len() == 3 { Kind::DocComment } else { Kind::Comment };
        let block = self.comment.get_or_insert_with(|| Block {
            passage: Passage::new(kind),
            marker,
            last_line: self.line,
            is_code: false,
        });
        block.last_line = self.line;
        if content.starts_with("```") {
            block.is_code = !block.is_code;
        } else if content.is_empty() && !block.passage.is_empty() {
            // A paragraph ends.
            let next = Passage::new(if block.is_code { block.passage.kind } else { Kind::Comment });
            self.passages.push(std::mem::replace(&mut block.passage, next));
        } else if !block.is_code && !content.is_empty() {
            block.passage.push(self.line, content);
        }
        self.skip(length);
    }

    fn block_comment(&mut self) {
        let rest = &self.text[self.at..];
        let length = rest.find("*/").map_or(rest.len(), |end| end + 2);
        let kind = if rest.starts_with("/**") { Kind::DocComment } else { Kind::Comment };
        let mut passage = Passage::new(kind);
        for (index, line) in rest[..length].trim_end_matches("*/").lines().enumerate() {
            passage.push(self.line + index, line.trim().trim_start_matches('/').trim_start_matches('*'));
        }
        if !passage.is_empty() {
            self.passages.push(passage);
        }
        self.skip(length);
    }

    /// The `#`s of a raw string that begins here.
    fn raw_string(&self) -> Option<String> {
        if self.language != Language::Rust || self.text[..self.at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
        {
            return None;
        }
        let rest = self.text[self.at..].strip_prefix('r')?;
        let content = rest.trim_start_matches('#');
        content.starts_with('"').then(|| rest[..rest.len() - content.len()].to_owned())
    }

    /// Reads a string whose opening quote is `skipped` bytes long and that ends with `end`.
    fn string(&mut self, end: &str, skipped: usize, has_escapes: bool) {
        let first_line = self.line;
        self.skip(skipped);
        let mut content = String::new();
        while self.at < self.text.len() && !self.text[self.at..].starts_with(end) {
            let rest = &self.text[self.at..];
            if has_escapes && rest.starts_with('\\') {
                let escaped = rest[1..].chars().next();
                content.push(match escaped {
                    Some('\n' | 'n' | 't' | 'r') => '\n',
                    Some(other) => other,
                    None => ' ',
                });
                // A real line break is counted; an escaped one is a space.
                if escaped != Some('\n') && content.ends_with('\n') {
                    content.pop();
                    content.push(' ');
                }
                self.skip(1 + escaped.map_or(0, char::len_utf8));
            } else {
                let character = rest.chars().next().unwrap_or(' ');
                content.push(character);
                self.skip(character.len_utf8());
            }
        }
        self.skip(end.len());
        if content.split_whitespace().count() >= MIN_WORDS {
            let mut passage = Passage::new(Kind::Literal);
            for (index, line) in content.lines().enumerate() {
                passage.push(first_line + index, line);
            }
            self.passages.push(passage);
        }
    }

    fn character_or_lifetime(&mut self) {
        let rest = &self.text[self.at + 1..];
        let length = if let Some(escape) = rest.strip_prefix('\\') {
            // The escaped character may be a quote.
            escape.chars().next().and_then(|first| {
                let end = escape[first.len_utf8()..].find('\'')?;
                Some(end + first.len_utf8() + 3).filter(|length| *length < 14)
            })
        } else {
            rest.chars()
                .next()
                .map(char::len_utf8)
                .filter(|width| rest[*width..].starts_with('\''))
                .map(|width| width + 2)
        };
        self.skip(length.unwrap_or(1));
    }

    /// Returns whether a slash begins a regular expression: it does not follow a value.
    fn is_pattern_allowed(&self) -> bool {
        let before = self.text[..self.at].trim_end_matches([' ', '\t']);
        before.ends_with(['(', ',', '=', ':', '[', '!', '&', '|', '?', '{', '}', ';', '\n'])
            || before.ends_with("return")
    }

    fn pattern(&mut self) {
        let mut is_class = false;
        let mut is_escaped = false;
        let mut length = 1;
        for character in self.text[self.at + 1..].chars() {
            length += character.len_utf8();
            match character {
                '\n' => break,
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '[' => is_class = true,
                ']' => is_class = false,
                '/' if !is_class => break,
                _ => {}
            }
        }
        self.skip(length);
    }
}

/// The names of tests, in words.
fn test_names(text: &str) -> Vec<Passage> {
    let mut names = Vec::new();
    let mut is_test = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if is_test && !line.starts_with("#[") && !line.starts_with("//") {
            is_test = false;
            let name = line.split_once("fn ").and_then(|(_, rest)| rest.split(['(', '<']).next());
            names.extend(name.map(|name| Passage::of_line(Kind::TestName, index + 1, &name.replace('_', " "))));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str, language: Language) -> Vec<(Kind, String, usize)> {
        passages(source, language).into_iter().map(|p| (p.kind, p.text.clone(), p.line(p.text.len()))).collect()
    }

    #[test]
    fn comments_strings_and_test_names_of_rust_are_found() {
        let source = "//! A module.\n\n/// One\n/// two.\nfn a<'a>(b: char) { b == '\"'; \"x // y z\"; } // why not\n\
                      #[test]\nfn keys_expire() { r#\"a \"b\" c\"#; }\n";
        let found = texts(source, Language::Rust);
        let expected = [
            (Kind::DocComment, "A module.", 1),
            (Kind::DocComment, "One two.", 4),
            (Kind::Literal, "x // y z", 5),
            (Kind::Literal, "a \"b\" c", 7),
            (Kind::Comment, "why not", 5),
            (Kind::TestName, "keys expire", 7),
        ];
        for (kind, text, line) in expected {
            assert!(found.contains(&(kind, text.to_owned(), line)), "{text}: {found:?}");
        }
    }

    #[test]
    fn code_blocks_in_comments_are_skipped() {
        let source = "/// Text.\n///\n/// ```\n/// let anew = 1;\n/// ```\n/// More.\nfn a() {}\n";
        let found = texts(source, Language::Rust);
        assert!(found.iter().all(|(_, text, _)| !text.contains("anew")), "{found:?}");
        assert!(found.iter().any(|(_, text, _)| text == "More."), "{found:?}");
    }

    #[test]
    fn strings_may_span_lines() {
        let found = texts("f(\"one two \\\n   three anew\");\nf(\"four five six\");\n", Language::Rust);
        assert_eq!(found[0], (Kind::Literal, "one two three anew".to_owned(), 2));
        assert_eq!(found[1].2, 3);
    }

    #[test]
    fn patterns_of_javascript_are_no_strings() {
        let source = "const a = b.replace(/[\"'/]/g, 'one two three'); // a comment\nconst c = `d e ${f} g`;\n";
        let found = texts(source, Language::JavaScript);
        let found: Vec<&str> = found.iter().map(|(_, text, _)| text.as_str()).collect();
        assert_eq!(found, ["one two three", "d e ${f} g", "a comment"]);
    }
}
