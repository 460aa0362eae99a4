//! Which runs of four bytes a text has: what tells, without reading it, that something is not in it.
//!
//! A Bloom filter with one hash function (Bloom, 1970): a bit for each run that there is, so that a text
//! of which one run is missing cannot be there.

use serde::{Deserialize, Serialize};

/// How many bytes make a run. Shorter ones are in nearly every text; of longer ones there are too many.
const RUN_BYTES: usize = 4;

/// The bits to begin with: 64 KB.
const MAX_BLOOM_BITS: usize = 1 << 19;

/// The fewest bits.
const MIN_BLOOM_BITS: usize = 1 << 10;

/// The runs of a text.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct NgramBloom(Vec<u64>);

impl NgramBloom {
    /// The runs of these texts, in at most a third of the bits.
    pub(crate) fn of<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut bits = vec![0u64; MAX_BLOOM_BITS / 64];
        for text in texts {
            for run in text.windows(RUN_BYTES) {
                let at = hash(run) % MAX_BLOOM_BITS;
                bits[at / 64] |= 1 << (at % 64);
            }
        }
        // Halved while there is room: what stood at a place then stands at that place modulo the half.
        while bits.len() * 64 > MIN_BLOOM_BITS && ones(&bits) * 6 < bits.len() * 64 {
            let upper = bits.split_off(bits.len() / 2);
            bits.iter_mut().zip(upper).for_each(|(low, high)| *low |= high);
        }
        Self(bits)
    }

    /// Whether the text may be part of one of those that this was made of. Texts of less than a run may
    /// be anywhere.
    pub(crate) fn may_have(&self, text: &[u8]) -> bool {
        let bits = self.0.len() * 64;
        let has = |run| {
            let at = hash(run) % bits;
            self.0[at / 64] & (1 << (at % 64)) != 0
        };
        bits == 0 || text.windows(RUN_BYTES).all(has)
    }

    /// The memory that it takes, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.0.len() * 8
    }
}

fn ones(bits: &[u64]) -> usize {
    bits.iter().map(|word| word.count_ones() as usize).sum()
}

/// Spreads a run over the bits; multiplication carries low bits up only, so the upper ones are folded in.
fn hash(run: &[u8]) -> usize {
    let bytes = run.try_into().unwrap_or([0; RUN_BYTES]);
    let mixed = u32::from_le_bytes(bytes).wrapping_mul(0x9E37_79B1);
    (mixed ^ (mixed >> 15)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_there_is_mostly_known_not_to_be() {
        let words: Vec<String> =
            (0..20_000u64).map(|n| format!("{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
        let text = words.join(" ");
        let grams = NgramBloom::of(std::iter::once(text.as_bytes()));
        assert!(grams.may_have(&text.as_bytes()[500..540]));
        assert!(!grams.may_have(b"zebra crossing"));
    }

    proptest! {
        #[test]
        fn what_is_there_is_never_denied(texts in prop::collection::vec("[a-e]{0,40}", 1..20), start in 0usize..40, length in 0usize..40) {
            let grams = NgramBloom::of(texts.iter().map(String::as_bytes));
            for text in &texts {
                let part: Vec<u8> = text.bytes().skip(start).take(length).collect();
                prop_assert!(grams.may_have(&part));
            }
        }
    }
}
