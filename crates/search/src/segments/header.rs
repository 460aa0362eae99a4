//! The header of a segment: every field that events are filtered by, as columns. The body holds the payloads.

use std::borrow::Cow;

use events::{EventId, unix_nanoseconds};
use model::{Condition, Field, SearchFilter, fold_case, lower, other_forms};
use serde::{Deserialize, Serialize};
use store::Error;

use super::columns::{COLUMNS, Column, ColumnBuilder, DESCRIBED_FIELDS, ListColumn};
use super::ngram_bloom::NgramBloom;
use super::row::Row;
use super::zstd_frame::{compress, decompressed_size};

/// Separates the payloads in the text. The byte never occurs in UTF-8.
const PAYLOAD_SEPARATOR: u8 = 0xFF;

/// The searchable fields of a segment's events. Rows are sorted by id. The format is positional: the order of the
/// fields is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SegmentHeader {
    #[serde(with = "deltas")]
    ids: Vec<u64>,
    /// Time of each event, in nanoseconds after the start of its id's millisecond.
    times: Vec<i64>,
    /// Expiry of each event in seconds since 1970, or 0 for none; empty if no event expires.
    expires: Vec<i64>,
    columns: Vec<Column>,
    entities: ListColumn,
    /// The producer's own number of each event; empty if no event has one.
    numbers: Vec<Option<u64>>,
    /// Bytes of each payload in the text; `None` if the payload is not in it.
    lengths: Vec<Option<u32>>,
    bloom: NgramBloom,
    /// Version of the Bloom filter's content. It follows the other fields in the stored form, where earlier versions have
    /// nothing.
    #[serde(skip)]
    bloom_version: u8,
}

/// Version of Bloom filters that contain payloads as words are searched in them, and the values that descriptions may
/// contain. Version 0 contains only payloads as they were sent.
const WORD_BLOOM_VERSION: u8 = 1;

/// A matching event of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) id: u64,
    /// The event's time in nanoseconds since 1970.
    pub(crate) time: i64,
    /// The producer's own number.
    pub(crate) number: Option<u64>,
}

impl SegmentHeader {
    /// Builds the header and the text of these rows, which are sorted by id. There may be at most 65,535 rows.
    pub(crate) fn new(rows: &[Row]) -> (Self, Vec<u8>) {
        let mut columns: Vec<ColumnBuilder> = COLUMNS.iter().map(|_| ColumnBuilder::default()).collect();
        let (mut header, mut text, mut entities) = (Self::default(), Vec::new(), ColumnBuilder::default());
        for row in rows {
            header.ids.push(row.id);
            header.times.push(row.time.saturating_sub(id_time_ns(row.id)));
            header.expires.push(row.expires.unwrap_or(0));
            header.numbers.push(row.number);
            for (column, value) in columns.iter_mut().zip(&row.fields) {
                // There are at most as many values as rows: at most 65,535.
                let code = value.as_ref().map_or(0, |value| column.code(value) + 1);
                column.codes.push(u16::try_from(code).unwrap_or(0));
            }
            header.entities.counts.push(u32::try_from(row.entities.len()).unwrap_or(u32::MAX));
            header.entities.codes.extend(row.entities.iter().map(|entity| entities.code(entity)));
            header.lengths.push(row.payload.as_ref().and_then(|payload| u32::try_from(payload.len()).ok()));
            if let Some(payload) = &row.payload {
                text.extend_from_slice(payload);
                text.push(PAYLOAD_SEPARATOR);
            }
        }
        header.entities.values = entities.values;
        header.columns =
            columns.into_iter().map(|column| Column { values: column.values, codes: column.codes }).collect();
        if header.expires.iter().all(|expires| *expires == 0) {
            header.expires.clear();
        }
        if header.numbers.iter().all(Option::is_none) {
            header.numbers.clear();
        }
        (header, text)
    }

    /// Adds the Bloom filter of the text. It pays off only for stored segments.
    pub(crate) fn add_bloom(&mut self, text: &[u8]) {
        let payloads = text.split(|byte| *byte == PAYLOAD_SEPARATOR).map(String::from_utf8_lossy);
        let mut texts: Vec<String> =
            payloads.flat_map(|payload| std::iter::once(lower(&payload)).chain(other_forms(&payload))).collect();
        let columns = DESCRIBED_FIELDS.into_iter().filter_map(|field| self.column(field));
        texts.extend(columns.flat_map(|column| &column.values).map(|value| fold_case(value).into_owned()));
        self.bloom = NgramBloom::from_texts(texts.iter().map(String::as_bytes));
        self.bloom_version = WORD_BLOOM_VERSION;
    }

    /// Returns the stored bytes.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = postcard::to_allocvec(self).map_err(|e| Error::corrupt("segments", e))?;
        bytes.push(self.bloom_version);
        compress(&bytes, zstd::DEFAULT_COMPRESSION_LEVEL).map_err(|e| Error::corrupt("segments", e))
    }

    /// Decodes the bytes of [`Self::encode`].
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        const MAX_HEADER_BYTES: usize = 64 * 1024 * 1024;
        let bytes = zstd::bulk::decompress(bytes, decompressed_size(bytes, MAX_HEADER_BYTES))
            .map_err(|e| Error::corrupt("segments", e))?;
        let (header, rest) = postcard::take_from_bytes::<Self>(&bytes).map_err(|e| Error::corrupt("segments", e))?;
        Ok(Self { bloom_version: rest.first().copied().unwrap_or(0), ..header })
    }

    /// Returns the number of events.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns the lowest and highest id.
    pub(crate) fn bounds(&self) -> Option<(u64, u64)> {
        Some((*self.ids.first()?, *self.ids.last()?))
    }

    /// Returns the latest expiry of its events; `None` if one of them never expires.
    pub(crate) fn expires(&self) -> Option<i64> {
        self.expires.iter().copied().min().filter(|first| *first > 0)?;
        self.expires.iter().copied().max()
    }

    /// Returns its approximate memory in bytes.
    pub(crate) fn size(&self) -> usize {
        let texts = |values: &[String]| values.iter().map(|value| value.len() + 24).sum::<usize>();
        let columns: usize = self.columns.iter().map(|column| texts(&column.values) + column.codes.len() * 2).sum();
        let entities = texts(&self.entities.values) + (self.entities.codes.len() + self.entities.counts.len()) * 4;
        self.ids.len() * 24 + (self.expires.len() + self.numbers.len() * 2) * 8 + columns + entities + self.bloom.size()
    }

    /// Returns the rows within these ids whose fields match, lowest id first.
    pub(crate) fn select(&self, filter: &SearchFilter, ids: (u64, u64), now: i64) -> Vec<usize> {
        let (low, high) = (self.ids.partition_point(|id| *id < ids.0), self.ids.partition_point(|id| *id <= ids.1));
        let Some(predicates) = self.predicates(&filter.conditions) else { return Vec::new() };
        let any: Vec<Vec<RowPredicate<'_>>> =
            filter.any.iter().filter_map(|conditions| self.predicates(conditions)).collect();
        if any.is_empty() && !filter.any.is_empty() {
            return Vec::new();
        }
        let mut rows: Vec<usize> = (low..high).collect();
        // Each predicate checks only the remaining rows: most rows fail the first one.
        for predicate in &predicates {
            rows.retain(|row| predicate.holds(*row));
        }
        if !any.is_empty() {
            rows.retain(|row| any.iter().any(|predicates| predicates.iter().all(|predicate| predicate.holds(*row))));
        }
        let (from, until) = filter.times();
        if (from, until) != (i64::MIN, i64::MAX) {
            rows.retain(|row| (from..until).contains(&self.time(*row)));
        }
        if !self.expires.is_empty() {
            rows.retain(|row| self.expires.get(*row).is_none_or(|expires| *expires == 0 || *expires > now));
        }
        rows
    }

    /// Compiles conditions for this header; `None` if no row can satisfy all of them.
    fn predicates<'a>(&'a self, conditions: &'a [Condition]) -> Option<Vec<RowPredicate<'a>>> {
        conditions.iter().map(|condition| self.predicate(condition)).collect()
    }

    /// Compiles a condition for this header; `None` if no row can satisfy it.
    fn predicate<'a>(&'a self, condition: &'a Condition) -> Option<RowPredicate<'a>> {
        let wanted = |value: &String| condition.values.contains(value);
        match condition.field {
            Field::Entity => {
                let codes: Vec<bool> = self.entities.values.iter().map(wanted).collect();
                let any = codes.contains(&true) || condition.or_none;
                let lists = || RowPredicate::Lists {
                    lists: &self.entities,
                    starts: self.entity_starts(),
                    codes,
                    none: condition.or_none,
                };
                any.then(lists)
            }
            Field::Number => {
                let numbers: Vec<u64> = condition.values.iter().filter_map(|value| value.parse().ok()).collect();
                (!self.numbers.is_empty()).then_some(RowPredicate::Numbers(&self.numbers, numbers))
            }
            field => {
                let column = self.column(field)?;
                let codes: Vec<bool> =
                    std::iter::once(condition.or_none).chain(column.values.iter().map(wanted)).collect();
                codes.contains(&true).then_some(RowPredicate::Column(&column.codes, codes))
            }
        }
    }

    /// Returns the column of a field. The default header, which represents an expired segment, has no columns.
    pub(super) fn column(&self, field: Field) -> Option<&Column> {
        self.columns.get(COLUMNS.iter().position(|column| *column == field)?)
    }

    /// Returns whether the header has the event with this id.
    pub(super) fn has_id(&self, id: u64) -> bool {
        self.ids.binary_search(&id).is_ok()
    }

    /// Returns whether a payload as it was sent, in lower case, may contain these bytes.
    pub(super) fn bloom_may_contain(&self, part: &[u8]) -> bool {
        self.bloom.may_contain(part)
    }

    /// Returns whether the text, or a value that descriptions may contain, may contain a folded word.
    pub(super) fn bloom_may_contain_word(&self, word: &str) -> bool {
        self.bloom_version < WORD_BLOOM_VERSION || self.bloom.may_contain(word.as_bytes())
    }

    fn time(&self, row: usize) -> i64 {
        id_time_ns(self.ids[row]).saturating_add(self.times[row])
    }

    /// The event of a row.
    pub(crate) fn hit(&self, row: usize) -> Hit {
        Hit { id: self.ids[row], time: self.time(row), number: self.numbers.get(row).copied().flatten() }
    }

    /// Calls `add` with each value of a field in these rows and its number of occurrences.
    pub(crate) fn count(&self, field: Field, rows: &[usize], mut add: impl FnMut(&str, u64)) {
        let Some(column) = self.column(field) else { return };
        // One more, for none.
        let mut counts = vec![0; column.values.len() + 1];
        for row in rows {
            counts[usize::from(column.codes[*row])] += 1;
        }
        for (value, count) in column.values.iter().zip(&counts[1..]).filter(|(_, count)| **count > 0) {
            add(value, *count);
        }
    }

    /// Returns the value of a field in a row.
    pub(super) fn value(&self, field: Field, row: usize) -> Option<&str> {
        let column = self.column(field)?;
        let code = usize::from(*column.codes.get(row)?).checked_sub(1)?;
        column.values.get(code).map(String::as_str)
    }

    /// Returns the index of each row's first entity code.
    pub(super) fn entity_starts(&self) -> Vec<usize> {
        offsets(self.entities.counts.iter().map(|count| *count as usize))
    }

    /// Returns the entities of a row, whose codes begin at `start`.
    pub(super) fn entities_from(&self, start: usize, row: usize) -> Vec<String> {
        let codes = self.entities.codes_of(start, row).iter();
        codes.filter_map(|code| self.entities.values.get(*code as usize).cloned()).collect()
    }

    /// Returns the bytes of a row's payload; `None` if it is not in the text.
    pub(crate) fn length(&self, row: usize) -> Option<usize> {
        self.lengths.get(row)?.map(|length| length as usize)
    }

    /// Returns the offset of each row's payload in the text. A payload that is not in it has the offset of the next
    /// one.
    pub(super) fn payload_offsets(&self) -> Vec<usize> {
        offsets(self.lengths.iter().map(|length| length.map_or(0, |length| length as usize + 1)))
    }

    /// Returns the payload of a row, which begins at `start` of the text.
    pub(super) fn payload<'a>(&self, row: usize, start: usize, text: &'a [u8]) -> Cow<'a, str> {
        let end = start + self.length(row).unwrap_or(0);
        String::from_utf8_lossy(text.get(start..end).unwrap_or_default())
    }
}

/// Returns the offset of each element, given the lengths of consecutive elements.
fn offsets(lengths: impl Iterator<Item = usize>) -> Vec<usize> {
    lengths.scan(0, |at, length| Some(std::mem::replace(at, *at + length))).collect()
}

/// Returns the rows that contain one of the positions, which are in ascending order.
pub(super) fn rows_at(positions: impl Iterator<Item = usize>, starts: &[usize], rows: &[usize]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for position in positions {
        // The last row that starts at or before the position. A row without text has the offset of the next row.
        let row = starts.partition_point(|start| *start <= position) - 1;
        if found.last() != Some(&row) {
            found.push(row);
        }
    }
    found.retain(|row| rows.binary_search(row).is_ok());
    found
}

/// A condition compiled for one header.
enum RowPredicate<'a> {
    /// The codes of the rows, and whether each code matches.
    Column(&'a [u16], Vec<bool>),
    /// The lists of the rows, the start of each list, whether each code matches, and whether an empty list matches.
    Lists { lists: &'a ListColumn, starts: Vec<usize>, codes: Vec<bool>, none: bool },
    /// The numbers of the rows, and the matching numbers.
    Numbers(&'a [Option<u64>], Vec<u64>),
}

impl RowPredicate<'_> {
    fn holds(&self, row: usize) -> bool {
        match self {
            Self::Column(codes, wanted) => wanted[usize::from(codes[row])],
            Self::Lists { lists, starts, codes, none } => {
                let list = lists.codes_of(starts[row], row);
                list.iter().any(|code| codes[*code as usize]) || (*none && list.is_empty())
            }
            Self::Numbers(numbers, wanted) => numbers[row].is_some_and(|number| wanted.contains(&number)),
        }
    }
}

/// Returns the start of an id's millisecond in nanoseconds since 1970.
fn id_time_ns(id: u64) -> i64 {
    EventId::from_u64(id).map_or(0, |id| unix_nanoseconds(id.time()))
}

/// Serializes ascending numbers as differences, which are shorter.
mod deltas {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(ids: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
        let mut before = 0;
        let deltas: Vec<u64> = ids.iter().map(|id| id - std::mem::replace(&mut before, *id)).collect();
        deltas.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
        let mut ids = Vec::<u64>::deserialize(deserializer)?;
        let mut at = 0u64;
        for id in &mut ids {
            at = at.saturating_add(*id);
            *id = at;
        }
        Ok(ids)
    }
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
