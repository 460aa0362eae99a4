//! Events that are in no segment, in the form of one.

use std::sync::Arc;

use store::Error;

use super::body::Body;
use super::header::SegmentHeader;
use super::row::Row;

/// How many events are looked at as one.
const EVENTS_PER_BLOCK: usize = 1000;

/// The bytes of their payloads, about: what is looked at as one is in memory as a whole.
const MAX_BLOCK_PAYLOAD_BYTES: usize = 1_000_000;

/// Events that are in no segment, in the form of one: their payloads are packed, for many of them are kept.
#[derive(Debug)]
pub(crate) struct UnpackedBlock {
    pub(crate) head: Arc<SegmentHeader>,
    pub(crate) body: Arc<Body>,
}

impl UnpackedBlock {
    fn new(mut rows: Vec<Row>) -> Result<Self, Error> {
        // Made for one search, mostly.
        const LEVEL: i32 = 1;
        rows.sort_unstable_by_key(|row| row.id);
        let (head, text) = SegmentHeader::new(&rows);
        Ok(Self { head: Arc::new(head), body: Arc::new(Body::new(&rows, &text, LEVEL)?) })
    }

    /// About the memory that it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.head.size() + self.body.size()
    }
}

/// Makes [`UnpackedBlock`] of rows that come one by one: their payloads are never in memory all at once.
#[derive(Default)]
pub(crate) struct BlockBuilder {
    rows: Vec<Row>,
    bytes: usize,
    full: Vec<Arc<UnpackedBlock>>,
}

impl BlockBuilder {
    /// One more.
    pub(crate) fn add(&mut self, row: Row) -> Result<(), Error> {
        self.bytes += row.payload.as_ref().map_or(0, Vec::len);
        self.rows.push(row);
        if self.rows.len() >= EVENTS_PER_BLOCK || self.bytes >= MAX_BLOCK_PAYLOAD_BYTES {
            self.close()?;
        }
        Ok(())
    }

    /// All of them.
    pub(crate) fn finish(mut self) -> Result<Vec<Arc<UnpackedBlock>>, Error> {
        if !self.rows.is_empty() {
            self.close()?;
        }
        Ok(self.full)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.bytes = 0;
        self.full.push(Arc::new(UnpackedBlock::new(std::mem::take(&mut self.rows))?));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use events::{Event, EventId, Fields, Scope};
    use jiff::Timestamp;

    use super::*;

    /// An event whose payload has so many bytes, as it is read.
    fn row(id: u64, size: usize) -> Row {
        let fields = Fields {
            scope: Scope::Signal,
            event_type: "t".to_owned(),
            time: Timestamp::UNIX_EPOCH,
            time_given: true,
            actor: None,
            subject: None,
            entities: Vec::new(),
            project: None,
            environment: None,
            level: None,
            schema_version: None,
        };
        let payload = vec![b'.'; size];
        let id = EventId::from_u64(id).unwrap();
        let (source, catalog) = ("s".to_owned(), "signal".to_owned());
        Row::new(
            Event { id, source, catalog, received_at: Timestamp::UNIX_EPOCH, stored_at: None, fields, payload },
            None,
        )
    }

    #[test]
    fn payloads_that_inflate_a_lot_take_little_memory() {
        let mut gather = BlockBuilder::default();
        for id in 0..200 {
            // Of every four, one is in no text.
            gather.add(row(id, if id % 4 == 0 { 4_400_000 } else { 190_000 })).unwrap();
            let held: usize = gather.rows.iter().filter_map(|row| row.payload.as_ref()).map(Vec::len).sum();
            assert!(held < MAX_BLOCK_PAYLOAD_BYTES, "what is not packed yet is bounded");
        }
        let loose = gather.finish().unwrap();
        assert_eq!(loose.iter().map(|loose| loose.body.text().unwrap().len()).sum::<usize>(), 150 * 190_001);
        assert!(
            loose.iter().map(|loose| loose.body.text().unwrap().len()).all(|bytes| bytes < 2 * MAX_BLOCK_PAYLOAD_BYTES)
        );
        assert!(loose.iter().map(|loose| loose.size()).sum::<usize>() < 200_000);
    }
}
