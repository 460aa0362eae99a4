//! A Bloom filter of the four-byte n-grams of a text. It shows, without reading the text, that a string is not in it.
//!
//! The filter has one hash function (Bloom, 1970) and sets a bit for each n-gram. A string with an n-gram whose bit is
//! not set cannot be in the text.

use serde::{Deserialize, Serialize};

/// Bytes of an n-gram. Shorter ones are in nearly every text, and there are too many longer ones.
const NGRAM_BYTES: usize = 4;

/// Bits of the filter before it is folded: 64 KB.
const MAX_BLOOM_BITS: usize = 1 << 19;

/// Minimum number of bits.
const MIN_BLOOM_BITS: usize = 1 << 10;

/// A Bloom filter of n-grams.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct NgramBloom(Vec<u64>);

impl NgramBloom {
    /// Builds the filter of these texts. It is folded while at most a third of the result's bits are set.
    pub(crate) fn from_texts<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut bits = vec![0u64; MAX_BLOOM_BITS / 64];
        for text in texts {
            for ngram in text.windows(NGRAM_BYTES) {
                let at = hash(ngram) % MAX_BLOOM_BITS;
                bits[at / 64] |= 1 << (at % 64);
            }
        }
        // Folding halves the filter: a bit moves to its position modulo the half.
        while bits.len() * 64 > MIN_BLOOM_BITS && count_set_bits(&bits) * 6 < bits.len() * 64 {
            let upper = bits.split_off(bits.len() / 2);
            bits.iter_mut().zip(upper).for_each(|(low, high)| *low |= high);
        }
        Self(bits)
    }

    /// Returns whether one of the texts may contain this one. Always true for texts that are shorter than an n-gram.
    pub(crate) fn may_contain(&self, text: &[u8]) -> bool {
        let bits = self.0.len() * 64;
        let has = |ngram| {
            let at = hash(ngram) % bits;
            self.0[at / 64] & (1 << (at % 64)) != 0
        };
        bits == 0 || text.windows(NGRAM_BYTES).all(has)
    }

    /// Returns its memory in bytes.
    pub(crate) fn size(&self) -> usize {
        self.0.len() * 8
    }
}

fn count_set_bits(bits: &[u64]) -> usize {
    bits.iter().map(|word| word.count_ones() as usize).sum()
}

/// Hashes an n-gram. Multiplication carries bits only upwards, so the upper bits are folded in.
fn hash(ngram: &[u8]) -> usize {
    let bytes = ngram.try_into().unwrap_or([0; NGRAM_BYTES]);
    let mixed = u32::from_le_bytes(bytes).wrapping_mul(0x9E37_79B1);
    (mixed ^ (mixed >> 15)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn most_absent_texts_are_ruled_out() {
        let words: Vec<String> =
            (0..20_000u64).map(|n| format!("{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
        let text = words.join(" ");
        let bloom = NgramBloom::from_texts(std::iter::once(text.as_bytes()));
        assert!(bloom.may_contain(&text.as_bytes()[500..540]));
        assert!(!bloom.may_contain(b"zebra crossing"));
    }

    proptest! {
        #[test]
        fn contained_texts_are_never_ruled_out(texts in prop::collection::vec("[a-e]{0,40}", 1..20), start in 0usize..40, length in 0usize..40) {
            let bloom = NgramBloom::from_texts(texts.iter().map(String::as_bytes));
            for text in &texts {
                let part: Vec<u8> = text.bytes().skip(start).take(length).collect();
                prop_assert!(bloom.may_contain(&part));
            }
        }
    }
}
