//! Blocks of events that are not in a segment, in the form of a segment.

use std::sync::Arc;

use store::Error;

use super::body::Body;
use super::header::SegmentHeader;
use super::row::Row;

/// Maximum number of events in a block.
const EVENTS_PER_BLOCK: usize = 1000;

/// Approximate maximum bytes of a block's payloads, because a block is searched in memory.
const MAX_BLOCK_PAYLOAD_BYTES: usize = 1_000_000;

/// Events that are not in a segment, in the form of a segment. Their payloads are compressed, because many blocks are
/// cached.
#[derive(Debug)]
pub(crate) struct UnpackedBlock {
    pub(crate) header: Arc<SegmentHeader>,
    pub(crate) body: Arc<Body>,
}

impl UnpackedBlock {
    fn new(mut rows: Vec<Row>) -> Result<Self, Error> {
        // Most blocks serve one search only.
        const LEVEL: i32 = 1;
        rows.sort_unstable_by_key(|row| row.id);
        let (header, text) = SegmentHeader::new(&rows);
        Ok(Self { header: Arc::new(header), body: Arc::new(Body::new(&rows, &text, LEVEL)?) })
    }

    /// Returns its approximate memory in bytes.
    pub(super) fn size(&self) -> usize {
        self.header.size() + self.body.size()
    }
}

/// Builds [`UnpackedBlock`]s from rows that are added one by one, so that it never holds all payloads in memory.
#[derive(Default)]
pub(crate) struct BlockBuilder {
    rows: Vec<Row>,
    bytes: usize,
    full: Vec<Arc<UnpackedBlock>>,
}

impl BlockBuilder {
    /// Adds a row.
    pub(crate) fn add(&mut self, row: Row) -> Result<(), Error> {
        self.bytes += row.payload.as_ref().map_or(0, Vec::len);
        self.rows.push(row);
        if self.rows.len() >= EVENTS_PER_BLOCK || self.bytes >= MAX_BLOCK_PAYLOAD_BYTES {
            self.close()?;
        }
        Ok(())
    }

    /// Returns all blocks.
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

    /// A row of an event whose payload has `size` bytes.
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
            Event {
                id,
                source,
                catalog,
                received_at: Timestamp::UNIX_EPOCH,
                stored_at: None,
                hops: 0,
                nudge: None,
                fields,
                payload,
            },
            None,
        )
    }

    #[test]
    fn highly_compressible_payloads_take_little_memory() {
        let mut builder = BlockBuilder::default();
        for id in 0..200 {
            // Every fourth payload is too large for the text.
            builder.add(row(id, if id % 4 == 0 { 4_400_000 } else { 190_000 })).unwrap();
            let held: usize = builder.rows.iter().filter_map(|row| row.payload.as_ref()).map(Vec::len).sum();
            assert!(held < MAX_BLOCK_PAYLOAD_BYTES, "uncompressed payloads are bounded");
        }
        let blocks = builder.finish().unwrap();
        assert_eq!(blocks.iter().map(|block| block.body.text().unwrap().len()).sum::<usize>(), 150 * 190_001);
        assert!(
            blocks
                .iter()
                .map(|block| block.body.text().unwrap().len())
                .all(|bytes| bytes < 2 * MAX_BLOCK_PAYLOAD_BYTES)
        );
        assert!(blocks.iter().map(|block| block.size()).sum::<usize>() < 200_000);
    }
}
