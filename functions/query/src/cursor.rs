//! Cursors: the position at which the next page of a search begins.
//!
//! A cursor consists of one or more positions and a checksum of the positions and the search. The checksum is not a
//! secret, because a forged cursor returns only events that the search would return anyway. It detects mistakes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::EventId;
use schemars::{Schema, SchemaGenerator, json_schema};
use sha2::{Digest, Sha256};
use web::{Problem, invalid_parameter, quoted};

/// Length of the checksum.
const CHECKSUM_BYTES: usize = 8;

/// Encodes the cursor of a search with these filters that continues after `id`.
pub(crate) fn encode(id: EventId, filters: &str) -> String {
    encode_positions([id.as_u64()], filters)
}

/// Decodes the id after which a search with these filters continues.
pub(crate) fn decode(cursor: &str, filters: &str) -> Result<EventId, Problem> {
    let [id] = decode_positions(cursor, filters)?;
    EventId::from_u64(id).ok_or_else(|| malformed(cursor))
}

/// Encodes a cursor with these positions.
pub(crate) fn encode_positions<const N: usize>(positions: [u64; N], filters: &str) -> String {
    let mut bytes = positions.map(u64::to_be_bytes).concat();
    bytes.extend(compute_checksum(&bytes, filters));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes the positions of a cursor.
pub(crate) fn decode_positions<const N: usize>(cursor: &str, filters: &str) -> Result<[u64; N], Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
    let (positions, checksum) = bytes
        .split_at_checked(8 * N)
        .filter(|(_, checksum)| checksum.len() == CHECKSUM_BYTES)
        .ok_or_else(|| malformed(cursor))?;
    if *checksum != compute_checksum(positions, filters) {
        return Err(wrong_search());
    }
    let mut read = [0; N];
    for (position, bytes) in read.iter_mut().zip(positions.as_chunks().0) {
        *position = u64::from_be_bytes(*bytes);
    }
    Ok(read)
}

/// The problem of a cursor of a search with other filters.
pub(crate) fn wrong_search() -> Problem {
    problem("does not belong to this search: send it unchanged with the same filters, or omit it to start again")
}

/// The schema of a cursor with one position.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$" })
}

/// The schema of a cursor with two positions.
pub(crate) fn two_position_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{32}$" })
}

fn malformed(cursor: &str) -> Problem {
    problem(&format!("is {:?}: expected the `next` value of a response", quoted(cursor)))
}

fn problem(what: &str) -> Problem {
    invalid_parameter("cursor", what)
}

fn compute_checksum(positions: &[u8], filters: &str) -> [u8; CHECKSUM_BYTES] {
    let hash: [u8; 32] = Sha256::new().chain_update(positions).chain_update(filters).finalize().into();
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&hash[..CHECKSUM_BYTES]);
    checksum
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u64 = 3_189_573_493_862_400;

    #[test]
    fn a_cursor_is_valid_only_with_its_own_filters() {
        let id = EventId::from_u64(ID).unwrap();
        let cursor = encode(id, "type=a");
        assert_eq!(decode(&cursor, "type=a").unwrap(), id);
        assert!(decode(&cursor, "type=b").is_err());
        let two = encode_positions([ID, 5], "");
        assert_eq!((decode_positions(&two, "").unwrap(), two.len()), ([ID, 5], 32));
        assert!(decode_positions::<2>(&cursor, "type=a").is_err(), "one position is not two");
    }

    #[test]
    fn malformed_cursors_are_rejected() {
        for cursor in ["", "x", "AAAA", "not base64!", "_____________________w"] {
            assert!(decode(cursor, "").is_err(), "{cursor}");
        }
    }

    #[test]
    fn a_cursor_with_a_flipped_bit_is_rejected() {
        let bytes = URL_SAFE_NO_PAD.decode(encode(EventId::from_u64(ID).unwrap(), "type=a")).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&URL_SAFE_NO_PAD.encode(changed), "type=a").is_err(), "bit {bit}");
        }
    }
}
