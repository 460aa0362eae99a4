//! Searching a segment for words.

use std::cell::OnceCell;
use std::collections::HashMap;

use events::{Fields, Scope};
use jiff::Timestamp;
use memchr::memmem;
use model::{Field, Word, WordQuery, fold_case, folded_description, other_forms};

use super::body::parse_name;
use super::columns::DESCRIBED_FIELDS;
use super::header::{SegmentHeader, rows_at};

/// A search of one segment for words.
pub(super) struct WordSearch<'a> {
    header: &'a SegmentHeader,
    words: &'a [Word],
}

/// The matches of one word.
struct WordMatches<'a> {
    word: &'a Word,
    /// Sorted rows whose payload contains the word in its ASCII lower case.
    rows: Vec<usize>,
    /// For each column in [`DESCRIBED_FIELDS`]: the codes of the rows, and whether the value of each code has the word.
    columns: Vec<(&'a [u16], Vec<bool>)>,
    /// Catalogs and types whose descriptions may contain the word.
    described: HashMap<(&'a str, &'a str), bool>,
}

/// The texts of a row, which are prepared when the first word needs them.
struct RowTexts<'r, 'a> {
    header: &'a SegmentHeader,
    row: usize,
    payload: &'r dyn Fn() -> String,
    forms: OnceCell<Vec<String>>,
    description: OnceCell<String>,
}

impl<'a> WordSearch<'a> {
    pub(super) fn new(header: &'a SegmentHeader, query: &'a WordQuery) -> Self {
        Self { header, words: query.words() }
    }

    /// Returns whether the segment may contain every word, without reading its text.
    pub(super) fn may_match(&self) -> bool {
        self.words.iter().all(|word| {
            self.header.bloom_may_contain_word(word.text())
                || word.event().is_some_and(|id| self.header.has_id(id))
                || self.is_described(word)
        })
    }

    /// Returns whether the description of a type in this segment may contain a word.
    fn is_described(&self, word: &Word) -> bool {
        let values = |field| self.header.column(field).map_or(&[][..], |column| &column.values);
        let types = values(Field::Type);
        let may_be = |catalog: &String| types.iter().any(|event_type| word.may_be_described(catalog, event_type));
        values(Field::Catalog).iter().any(may_be)
    }

    /// Returns those of the sorted rows that contain every word.
    pub(super) fn find(&self, mut rows: Vec<usize>, text: &[u8]) -> Vec<usize> {
        let (lowered, starts) = (text.to_ascii_lowercase(), self.header.payload_offsets());
        let matches = |word: &'a Word| {
            let positions = memmem::find_iter(&lowered, word.text());
            self.matches(word, rows_at(positions, &starts, &rows))
        };
        let mut words: Vec<WordMatches<'_>> = self.words.iter().map(matches).collect();
        // The rarest word excludes most rows.
        words.sort_by_key(|word| word.rows.len());
        rows.retain(|row| {
            let payload = || self.header.payload(*row, starts[*row], text).into_owned();
            let (forms, description) = (OnceCell::new(), OnceCell::new());
            let texts = RowTexts { header: self.header, row: *row, payload: &payload, forms, description };
            words.iter_mut().all(|word| word.holds(&texts))
        });
        rows
    }

    fn matches(&self, word: &'a Word, rows: Vec<usize>) -> WordMatches<'a> {
        let columns = DESCRIBED_FIELDS.into_iter().filter_map(|field| {
            let column = self.header.column(field)?;
            let has_word = column.values.iter().map(|value| fold_case(value).contains(word.text()));
            let codes: Vec<bool> = std::iter::once(false).chain(has_word).collect();
            codes.contains(&true).then_some((&column.codes[..], codes))
        });
        WordMatches { word, rows, columns: columns.collect(), described: HashMap::new() }
    }
}

fn catalog_of(header: &SegmentHeader, row: usize) -> &str {
    header.value(Field::Catalog, row).unwrap_or_default()
}

/// Returns the fields of a row that describe its event.
fn fields_of(header: &SegmentHeader, row: usize) -> Fields {
    let value = |field| header.value(field, row);
    let owned = |field| value(field).map(str::to_owned);
    Fields {
        scope: value(Field::Scope).and_then(parse_name).unwrap_or(Scope::Signal),
        event_type: owned(Field::Type).unwrap_or_default(),
        time: Timestamp::UNIX_EPOCH,
        time_given: true,
        actor: owned(Field::Actor),
        subject: owned(Field::Subject),
        entities: Vec::new(),
        project: owned(Field::Project),
        environment: owned(Field::Environment),
        level: value(Field::Level).and_then(parse_name),
        schema_version: None,
    }
}

impl<'a> WordMatches<'a> {
    fn holds(&mut self, texts: &RowTexts<'_, 'a>) -> bool {
        let (word, row) = (self.word, texts.row);
        self.rows.binary_search(&row).is_ok()
            || self.columns.iter().any(|(rows, codes)| codes[usize::from(rows[row])])
            || word.is_in(texts.forms())
            || word.event() == Some(texts.header.hit(row).id)
            || (self.may_be_described(texts) && texts.description().contains(word.text()))
    }

    fn may_be_described(&mut self, texts: &RowTexts<'_, 'a>) -> bool {
        let catalog = catalog_of(texts.header, texts.row);
        let event_type = texts.header.value(Field::Type, texts.row).unwrap_or_default();
        let word = self.word;
        *self.described.entry((catalog, event_type)).or_insert_with(|| word.may_be_described(catalog, event_type))
    }
}

impl RowTexts<'_, '_> {
    fn forms(&self) -> &[String] {
        self.forms.get_or_init(|| other_forms(&(self.payload)()))
    }

    fn description(&self) -> &str {
        let (header, row) = (self.header, self.row);
        let described = || folded_description(catalog_of(header, row), &fields_of(header, row), &(self.payload)());
        self.description.get_or_init(described)
    }
}
