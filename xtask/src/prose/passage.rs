//! Passages: pieces of text of a file that a person reads, with the lines that they are on.

/// The kind of a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A comment that documents an item.
    DocComment,
    /// Any other comment.
    Comment,
    /// A paragraph, a list item or a heading of a page.
    Page,
    /// A description or a summary of the API's document.
    Description,
    /// A string: an error, a log message, a label.
    Literal,
    /// The name of a test, in words.
    TestName,
}

/// A passage. White space in it is single spaces; code between backticks is replaced by underscores.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) kind: Kind,
    pub(super) text: String,
    /// Where each line begins: an offset in `text`, and the line's number.
    lines: Vec<(usize, usize)>,
}

impl Passage {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, text: String::new(), lines: Vec::new() }
    }

    /// A passage of a single line.
    pub(super) fn of_line(kind: Kind, number: usize, text: &str) -> Self {
        let mut passage = Self::new(kind);
        passage.push(number, text);
        passage
    }

    /// Appends a line.
    pub(super) fn push(&mut self, number: usize, line: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.lines.push((self.text.len(), number));
        self.text.extend(line.split_whitespace().flat_map(|word| [word, " "]));
        self.text.truncate(self.text.trim_end().len());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The number of the line that `offset` is on.
    pub(super) fn line(&self, offset: usize) -> usize {
        let after = self.lines.partition_point(|(start, _)| *start <= offset);
        self.lines.get(after.saturating_sub(1)).map_or(0, |(_, number)| *number)
    }

    /// Replaces code between backticks, so that phrases in it are not found. Offsets stay.
    pub(super) fn without_code(mut self) -> Self {
        let mut is_code = false;
        self.text = self
            .text
            .chars()
            .map(|character| match character {
                '`' => {
                    is_code = !is_code;
                    '`'
                }
                _ if is_code && character.is_ascii() => '_',
                _ => character,
            })
            .collect();
        self
    }
}
