//! Cursors: where the next page of a search begins.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::EventId;
use sha2::{Digest, Sha256};
use web::{Problem, bad, shortened};

const CHECK: usize = 8;

/// The cursor of a search with these filters that goes on after `id`.
pub(crate) fn encode(id: EventId, filters: &str) -> String {
    let mut bytes = id.as_u64().to_be_bytes().to_vec();
    bytes.extend(check(filters));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Where a cursor of a search with these filters goes on.
pub(crate) fn decode(cursor: &str, filters: &str) -> Result<EventId, Problem> {
    let unknown = || problem(&format!("is {:?}: expected the `next` that a search answered with", shortened(cursor)));
    let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
    let (id, of) = bytes.split_first_chunk().ok_or_else(unknown)?;
    let id = EventId::from_u64(u64::from_be_bytes(*id)).ok_or_else(unknown)?;
    if *of == check(filters) { Ok(id) } else { Err(of_another_search()) }
}

/// The problem of a cursor whose search had other filters.
pub(crate) fn of_another_search() -> Problem {
    problem("belongs to a search with other filters: send the same ones, or start without a cursor")
}

fn problem(what: &str) -> Problem {
    bad("cursor", what)
}

fn check(filters: &str) -> [u8; CHECK] {
    let hash: [u8; 32] = Sha256::digest(filters).into();
    let mut check = [0; CHECK];
    check.copy_from_slice(&hash[..CHECK]);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_for_its_own_filters_alone() {
        let id = EventId::from_u64(3_189_573_493_862_400).unwrap();
        let cursor = encode(id, "type=a");
        assert_eq!(decode(&cursor, "type=a").unwrap(), id);
        assert!(decode(&cursor, "type=b").is_err());
    }

    #[test]
    fn anything_else_is_refused() {
        for cursor in ["", "x", "AAAA", "not base64!", "_____________________w"] {
            assert!(decode(cursor, "").is_err(), "{cursor}");
        }
    }
}
