//! Cursors: where the next page of a search begins.
//!
//! A cursor is one position or several, and a check of them and of the search that they belong to. It is no secret:
//! whoever makes one gets what the search would give anyway. It keeps a mistake from being answered as if it were none.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::EventId;
use schemars::{Schema, SchemaGenerator, json_schema};
use sha2::{Digest, Sha256};
use web::{Problem, invalid_parameter, quoted};

const CHECK: usize = 8;

/// The cursor of a search with these filters that goes on after `id`.
pub(crate) fn encode(id: EventId, filters: &str) -> String {
    of_positions([id.as_u64()], filters)
}

/// Where a cursor of a search with these filters goes on.
pub(crate) fn decode(cursor: &str, filters: &str) -> Result<EventId, Problem> {
    let [id] = positions(cursor, filters)?;
    EventId::from_u64(id).ok_or_else(|| unknown(cursor))
}

/// The cursor that these positions are read from, with the same filters.
pub(crate) fn of_positions<const N: usize>(positions: [u64; N], filters: &str) -> String {
    let mut bytes = positions.map(u64::to_be_bytes).concat();
    bytes.extend(check(&bytes, filters));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The positions of a cursor.
pub(crate) fn positions<const N: usize>(cursor: &str, filters: &str) -> Result<[u64; N], Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
    let (positions, of) =
        bytes.split_at_checked(8 * N).filter(|(_, of)| of.len() == CHECK).ok_or_else(|| unknown(cursor))?;
    if *of != check(positions, filters) {
        return Err(of_another_search());
    }
    let mut read = [0; N];
    for (position, bytes) in read.iter_mut().zip(positions.as_chunks().0) {
        *position = u64::from_be_bytes(*bytes);
    }
    Ok(read)
}

/// The problem of a cursor whose search had other filters.
pub(crate) fn of_another_search() -> Problem {
    problem("is not one of this search: send it as it came, with the same filters, or start without a cursor")
}

/// The schema of a cursor with one position.
pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$" })
}

/// The schema of a cursor with two.
pub(crate) fn schema_of_two(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{32}$" })
}

fn unknown(cursor: &str) -> Problem {
    problem(&format!("is {:?}: expected the `next` that a search answered with", quoted(cursor)))
}

fn problem(what: &str) -> Problem {
    invalid_parameter("cursor", what)
}

fn check(positions: &[u8], filters: &str) -> [u8; CHECK] {
    let hash: [u8; 32] = Sha256::new().chain_update(positions).chain_update(filters).finalize().into();
    let mut check = [0; CHECK];
    check.copy_from_slice(&hash[..CHECK]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u64 = 3_189_573_493_862_400;

    #[test]
    fn a_cursor_comes_back_for_its_own_filters_alone() {
        let id = EventId::from_u64(ID).unwrap();
        let cursor = encode(id, "type=a");
        assert_eq!(decode(&cursor, "type=a").unwrap(), id);
        assert!(decode(&cursor, "type=b").is_err());
        let two = of_positions([ID, 5], "");
        assert_eq!((positions(&two, "").unwrap(), two.len()), ([ID, 5], 32));
        assert!(positions::<2>(&cursor, "type=a").is_err(), "one position is not two");
    }

    #[test]
    fn anything_else_is_refused() {
        for cursor in ["", "x", "AAAA", "not base64!", "_____________________w"] {
            assert!(decode(cursor, "").is_err(), "{cursor}");
        }
    }

    #[test]
    fn a_cursor_with_a_bit_changed_is_none() {
        let bytes = URL_SAFE_NO_PAD.decode(encode(EventId::from_u64(ID).unwrap(), "type=a")).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&URL_SAFE_NO_PAD.encode(changed), "type=a").is_err(), "bit {bit}");
        }
    }
}
