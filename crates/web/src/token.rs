//! API tokens, with which callers authenticate.
//!
//! A token is `tdg_`, 32 random characters, and a checksum of 6 characters. The checksum lets secret scanners distinguish
//! tokens from other text, and lets the API reject a mistyped token without a lookup.

use sha2::{Digest, Sha256};

const PREFIX: &str = "tdg_";
const RANDOM_CHARS: usize = 32;
const CHECKSUM_CHARS: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Generates a token with 190 bits of randomness.
///
/// # Errors
/// If the system provides no randomness.
pub fn generate() -> Result<String, getrandom::Error> {
    let mut token = PREFIX.to_owned();
    while token.len() < PREFIX.len() + RANDOM_CHARS {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes)?;
        // 248 is the largest multiple of 62 in a byte. Larger values would bias the choice of characters.
        let characters =
            bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        token.extend(characters.take(PREFIX.len() + RANDOM_CHARS - token.len()));
    }
    let checksum = checksum(&token);
    Ok(token + &checksum)
}

/// Returns whether a text has the format of a token and a valid checksum.
pub fn is_well_formed(text: &str) -> bool {
    text.len() == PREFIX.len() + RANDOM_CHARS + CHECKSUM_CHARS
        && text.starts_with(PREFIX)
        && text.bytes().skip(PREFIX.len()).all(|byte| byte.is_ascii_alphanumeric())
        && text[PREFIX.len() + RANDOM_CHARS..] == checksum(&text[..PREFIX.len() + RANDOM_CHARS])
}

/// Returns the SHA-256 hash of a token in hexadecimal. Only this hash is stored.
pub fn sha256(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

fn checksum(text: &str) -> String {
    Sha256::digest(text).iter().take(CHECKSUM_CHARS).map(|byte| char::from(ALPHABET[usize::from(byte % 62)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_tokens_are_well_formed_and_unique() {
        let (a, b) = (generate().unwrap(), generate().unwrap());
        assert!(is_well_formed(&a) && is_well_formed(&b));
        assert_ne!(a, b);
    }

    #[test]
    fn mistyped_tokens_are_not_well_formed() {
        let token = generate().unwrap();
        let flipped = if token.as_bytes()[10] == b'A' { 'B' } else { 'A' };
        let mut mistyped = token.clone();
        mistyped.replace_range(10..11, &flipped.to_string());
        assert!(!is_well_formed(&mistyped));
        for text in ["", "tdg_", &token[1..], &format!("{token}x"), "tdg_ééééééééééééééééééé"] {
            assert!(!is_well_formed(text), "{text}");
        }
    }
}
