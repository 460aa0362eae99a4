//! One segment: up to a thousand events packed together, so that a search looks at all of them at once.
//!
//! Its head holds every field that events are filtered by, as columns; its text holds the payloads.

use events::{EventId, unix_nanoseconds};
use model::{Condition, Field, SearchFilter, TextQuery, lower};
use serde::{Deserialize, Serialize};
use store::Error;

use super::columns::{COLUMNS, Column, ColumnBuilder, Lists};
use super::ngram_bloom::NgramBloom;
use super::row::Row;
use super::zstd_frame::capacity;

/// What stands between the payloads: a byte that no payload has.
const PAYLOAD_SEPARATOR: u8 = 0xFF;

/// Everything about a segment's events but their payloads. Rows are sorted by id.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SegmentHeader {
    #[serde(with = "deltas")]
    ids: Vec<u64>,
    /// Each event's time, as the nanoseconds after the start of its id's millisecond.
    times: Vec<i64>,
    /// When each expires, in seconds since 1970; empty where none does.
    expires: Vec<i64>,
    columns: Vec<Column>,
    entities: Lists,
    /// Each producer's own number, less than its true value by none: 0 stands for none; empty where there is none.
    numbers: Vec<Option<u64>>,
    /// The bytes of each payload in the text; `None` for what is not in it.
    lengths: Vec<Option<u32>>,
    grams: NgramBloom,
}

/// What a search takes from a segment: one event that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    pub(crate) id: u64,
    /// The event's time in nanoseconds since 1970.
    pub(crate) time: i64,
    /// The producer's own number.
    pub(crate) number: Option<u64>,
}

impl SegmentHeader {
    /// The segment of these rows, sorted by id, and its text. At most 65,535.
    pub(crate) fn new(rows: &[Row]) -> (Self, Vec<u8>) {
        let mut columns: Vec<ColumnBuilder> = COLUMNS.iter().map(|_| ColumnBuilder::default()).collect();
        let (mut head, mut text, mut entities) = (Self::default(), Vec::new(), ColumnBuilder::default());
        for row in rows {
            head.ids.push(row.id);
            head.times.push(row.time.saturating_sub(start_of(row.id)));
            head.expires.push(row.expires.unwrap_or(0));
            head.numbers.push(row.number);
            for (column, value) in columns.iter_mut().zip(&row.fields) {
                // Fewer values than rows, of which there are at most 65,535.
                let code = value.as_ref().map_or(0, |value| column.code(value) + 1);
                column.codes.push(u16::try_from(code).unwrap_or(0));
            }
            head.entities.counts.push(u32::try_from(row.entities.len()).unwrap_or(u32::MAX));
            head.entities.codes.extend(row.entities.iter().map(|entity| entities.code(entity)));
            head.lengths.push(row.payload.as_ref().and_then(|payload| u32::try_from(payload.len()).ok()));
            if let Some(payload) = &row.payload {
                text.extend_from_slice(payload);
                text.push(PAYLOAD_SEPARATOR);
            }
        }
        head.entities.values = entities.values;
        head.columns =
            columns.into_iter().map(|column| Column { values: column.values, codes: column.codes }).collect();
        if head.expires.iter().all(|expires| *expires == 0) {
            head.expires.clear();
        }
        if head.numbers.iter().all(Option::is_none) {
            head.numbers.clear();
        }
        (head, text)
    }

    /// Notes which runs its text has: worth it for what is kept.
    pub(crate) fn index(&mut self, text: &[u8]) {
        let payloads: Vec<String> = text
            .split(|byte| *byte == PAYLOAD_SEPARATOR)
            .map(|payload| lower(&String::from_utf8_lossy(payload)))
            .collect();
        self.grams = NgramBloom::of(payloads.iter().map(String::as_bytes));
    }

    /// The bytes to keep it as.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Error> {
        let bytes = postcard::to_allocvec(self).map_err(|e| Error::corrupt("segments", e))?;
        zstd::bulk::compress(&bytes, zstd::DEFAULT_COMPRESSION_LEVEL).map_err(|e| Error::corrupt("segments", e))
    }

    /// What [`Self::encode`] gave.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        const MAX_HEADER_BYTES: usize = 64 * 1024 * 1024;
        let bytes = zstd::bulk::decompress(bytes, capacity(bytes, MAX_HEADER_BYTES))
            .map_err(|e| Error::corrupt("segments", e))?;
        postcard::from_bytes(&bytes).map_err(|e| Error::corrupt("segments", e))
    }

    /// How many events it has.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Its lowest and highest id.
    pub(crate) fn bounds(&self) -> Option<(u64, u64)> {
        Some((*self.ids.first()?, *self.ids.last()?))
    }

    /// The last moment at which one of its events expires, where all of them do.
    pub(crate) fn expires(&self) -> Option<i64> {
        self.expires.iter().copied().min().filter(|first| *first > 0)?;
        self.expires.iter().copied().max()
    }

    /// About the memory that it takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        let texts = |values: &[String]| values.iter().map(|value| value.len() + 24).sum::<usize>();
        let columns: usize = self.columns.iter().map(|column| texts(&column.values) + column.codes.len() * 2).sum();
        let entities = texts(&self.entities.values) + (self.entities.codes.len() + self.entities.counts.len()) * 4;
        self.ids.len() * 24 + (self.expires.len() + self.numbers.len() * 2) * 8 + columns + entities + self.grams.size()
    }

    /// The rows within these ids whose fields match, lowest id first.
    pub(crate) fn select(&self, filter: &SearchFilter, ids: (u64, u64), now: i64) -> Vec<usize> {
        let (low, high) = (self.ids.partition_point(|id| *id < ids.0), self.ids.partition_point(|id| *id <= ids.1));
        let Some(tests) = self.tests(&filter.conditions) else { return Vec::new() };
        let any: Vec<Vec<Test<'_>>> = filter.any.iter().filter_map(|conditions| self.tests(conditions)).collect();
        if any.is_empty() && !filter.any.is_empty() {
            return Vec::new();
        }
        let mut rows: Vec<usize> = (low..high).collect();
        // One test after the other, each of what is left: most rows fail the first.
        for test in &tests {
            rows.retain(|row| test.holds(*row));
        }
        if !any.is_empty() {
            rows.retain(|row| any.iter().any(|tests| tests.iter().all(|test| test.holds(*row))));
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

    /// How to tell whether all of these hold of a row; `None` where they do of none.
    fn tests<'a>(&'a self, conditions: &'a [Condition]) -> Option<Vec<Test<'a>>> {
        conditions.iter().map(|condition| self.test(condition)).collect()
    }

    /// How to tell whether a condition holds of a row; `None` where it does of none.
    fn test<'a>(&'a self, condition: &'a Condition) -> Option<Test<'a>> {
        let wanted = |value: &String| condition.values.contains(value);
        match condition.field {
            Field::Entity => {
                let codes: Vec<bool> = self.entities.values.iter().map(wanted).collect();
                let any = codes.contains(&true) || condition.or_none;
                let lists =
                    || Test::Lists { lists: &self.entities, starts: self.entities(), codes, none: condition.or_none };
                any.then(lists)
            }
            Field::Number => {
                let numbers: Vec<u64> = condition.values.iter().filter_map(|value| value.parse().ok()).collect();
                (!self.numbers.is_empty()).then_some(Test::Numbers(&self.numbers, numbers))
            }
            field => {
                let column = self.column(field)?;
                let codes: Vec<bool> =
                    std::iter::once(condition.or_none).chain(column.values.iter().map(wanted)).collect();
                codes.contains(&true).then_some(Test::Column(&column.codes, codes))
            }
        }
    }

    /// The column of a field. A head that is gone has none.
    fn column(&self, field: Field) -> Option<&Column> {
        self.columns.get(COLUMNS.iter().position(|column| *column == field)?)
    }

    fn time(&self, row: usize) -> i64 {
        start_of(self.ids[row]).saturating_add(self.times[row])
    }

    /// The event of a row.
    pub(crate) fn hit(&self, row: usize) -> Hit {
        Hit { id: self.ids[row], time: self.time(row), number: self.numbers.get(row).copied().flatten() }
    }

    /// How often each value of a field stands in these rows.
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

    /// One field's value of a row.
    pub(super) fn value(&self, field: Field, row: usize) -> Option<&str> {
        let column = self.column(field)?;
        let code = usize::from(*column.codes.get(row)?).checked_sub(1)?;
        column.values.get(code).map(String::as_str)
    }

    /// Where the entities of each row begin.
    pub(super) fn entities(&self) -> Vec<usize> {
        starts(self.entities.counts.iter().map(|count| *count as usize))
    }

    /// The entities of a row, which begin there.
    pub(super) fn entities_from(&self, start: usize, row: usize) -> Vec<String> {
        let codes = self.entities.of(start, row).iter();
        codes.filter_map(|code| self.entities.values.get(*code as usize).cloned()).collect()
    }

    /// The bytes of a row's payload; `None` where it is not in the text.
    pub(crate) fn length(&self, row: usize) -> Option<usize> {
        self.lengths.get(row)?.map(|length| length as usize)
    }

    /// Where the payload of each row begins in the text. One that is not in it does where the next one does.
    pub(super) fn starts(&self) -> Vec<usize> {
        starts(self.lengths.iter().map(|length| length.map_or(0, |length| length as usize + 1)))
    }

    /// Whether one of these rows may have the text in it.
    pub(crate) fn may_have(&self, rows: &[usize], text: &TextQuery) -> bool {
        text.may_be(|part| self.grams.may_have(part)) || rows.iter().any(|row| self.lengths[*row].is_none())
    }

    /// Of these rows, those whose payloads match by the segment's text; and those whose payloads are not
    /// in it.
    pub(crate) fn find(&self, rows: &[usize], wanted: &TextQuery, text: &[u8]) -> (Vec<usize>, Vec<usize>) {
        let (inside, outside): (Vec<usize>, Vec<usize>) = rows.iter().partition(|row| self.lengths[**row].is_some());
        let starts = self.starts();
        let payload = |row: usize| {
            let end = starts[row] + self.lengths[row].unwrap_or(0) as usize;
            String::from_utf8_lossy(text.get(starts[row]..end).unwrap_or_default())
        };
        let literal = wanted.literal();
        let found = if literal.is_empty() {
            inside
        } else if literal.is_ascii() {
            let lowered = text.to_ascii_lowercase();
            rows_of(wanted.places(&lowered), &starts, &inside)
        } else {
            inside.into_iter().filter(|row| lower(&payload(*row)).contains(literal)).collect()
        };
        (found.into_iter().filter(|row| wanted.decides(&payload(*row))).collect(), outside)
    }
}

/// Where each of these begins, one after the other.
fn starts(lengths: impl Iterator<Item = usize>) -> Vec<usize> {
    lengths.scan(0, |at, length| Some(std::mem::replace(at, *at + length))).collect()
}

/// Of these rows, those that one of the places is in.
fn rows_of(places: impl Iterator<Item = usize>, starts: &[usize], rows: &[usize]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for place in places {
        // The last row that starts there or before it; one without text starts where the next one does.
        let row = starts.partition_point(|start| *start <= place) - 1;
        if found.last() != Some(&row) {
            found.push(row);
        }
    }
    found.retain(|row| rows.binary_search(row).is_ok());
    found
}

/// How to tell whether a condition holds of a row.
enum Test<'a> {
    /// The codes of the rows, and which codes will do.
    Column(&'a [u16], Vec<bool>),
    /// The lists of the rows, where each begins, which codes will do, and whether none at all will.
    Lists { lists: &'a Lists, starts: Vec<usize>, codes: Vec<bool>, none: bool },
    /// The numbers of the rows, and which will do.
    Numbers(&'a [Option<u64>], Vec<u64>),
}

impl Test<'_> {
    fn holds(&self, row: usize) -> bool {
        match self {
            Self::Column(codes, wanted) => wanted[usize::from(codes[row])],
            Self::Lists { lists, starts, codes, none } => {
                let list = lists.of(starts[row], row);
                list.iter().any(|code| codes[*code as usize]) || (*none && list.is_empty())
            }
            Self::Numbers(numbers, wanted) => numbers[row].is_some_and(|number| wanted.contains(&number)),
        }
    }
}

/// The start of an id's millisecond, in nanoseconds since 1970.
fn start_of(id: u64) -> i64 {
    EventId::from_u64(id).map_or(0, |id| unix_nanoseconds(id.time()))
}

/// Rising numbers as the differences between them, which are shorter.
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
