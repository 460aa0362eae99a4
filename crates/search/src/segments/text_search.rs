//! Searching a segment for text.

use model::{LikeQuery, TextQuery, lower};

use super::header::{SegmentHeader, rows_at};
use super::word_search::WordSearch;

impl SegmentHeader {
    /// Returns whether one of these rows may match the text query.
    pub(crate) fn may_contain(&self, rows: &[usize], text: &TextQuery) -> bool {
        let may_match = match text {
            TextQuery::Like(like) => like.may_match(|part| self.bloom_may_contain(part)),
            TextQuery::Words(words) => WordSearch::new(self, words).may_match(),
        };
        may_match || rows.iter().any(|row| self.length(*row).is_none())
    }

    /// Returns the rows that match in the segment's text, and the rows whose payloads are not in it.
    pub(crate) fn find(&self, rows: &[usize], query: &TextQuery, text: &[u8]) -> (Vec<usize>, Vec<usize>) {
        let (inside, outside): (Vec<usize>, Vec<usize>) = rows.iter().partition(|row| self.length(**row).is_some());
        let found = match query {
            TextQuery::Like(like) => self.find_like(inside, like, text),
            TextQuery::Words(words) => WordSearch::new(self, words).find(inside, text),
        };
        (found, outside)
    }

    fn find_like(&self, rows: Vec<usize>, query: &LikeQuery, text: &[u8]) -> Vec<usize> {
        let starts = self.payload_offsets();
        let payload = |row: usize| self.payload(row, starts[row], text);
        let literal = query.literal();
        let found = if literal.is_empty() {
            rows
        } else if literal.is_ascii() {
            let lowered = text.to_ascii_lowercase();
            rows_at(query.candidate_positions(&lowered), &starts, &rows)
        } else {
            rows.into_iter().filter(|row| lower(&payload(*row)).contains(literal)).collect()
        };
        found.into_iter().filter(|row| query.decides(&payload(*row))).collect()
    }
}
