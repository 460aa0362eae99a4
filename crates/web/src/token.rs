//! Tokens: what a key's holder sends.
//!
//! `tdg_`, 32 random characters, and 6 that check them, so that secret scanners can tell a token
//! from other text, and a mistyped one is known without a look-up.

use sha2::{Digest, Sha256};

const PREFIX: &str = "tdg_";
const RANDOM: usize = 32;
const CHECK: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new token: 190 bits of randomness. `Err` where the system has none to give.
pub fn generate() -> Result<String, getrandom::Error> {
    let mut token = PREFIX.to_owned();
    while token.len() < PREFIX.len() + RANDOM {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes)?;
        // 248 is the largest multiple of 62 in a byte: what is above would favour some characters.
        let characters =
            bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        token.extend(characters.take(PREFIX.len() + RANDOM - token.len()));
    }
    let check = check(&token);
    Ok(token + &check)
}

/// Whether the text has a token's form and its check characters are right.
pub fn is_well_formed(text: &str) -> bool {
    text.len() == PREFIX.len() + RANDOM + CHECK
        && text.starts_with(PREFIX)
        && text.bytes().skip(PREFIX.len()).all(|byte| byte.is_ascii_alphanumeric())
        && text[PREFIX.len() + RANDOM..] == check(&text[..PREFIX.len() + RANDOM])
}

/// SHA-256 of a token, in hexadecimal: what is stored of it.
pub fn sha256(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

fn check(text: &str) -> String {
    Sha256::digest(text).iter().take(CHECK).map(|byte| char::from(ALPHABET[usize::from(byte % 62)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_well_formed_and_differ() {
        let (a, b) = (generate().unwrap(), generate().unwrap());
        assert!(is_well_formed(&a) && is_well_formed(&b));
        assert_ne!(a, b);
    }

    #[test]
    fn a_mistyped_token_is_not_well_formed() {
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
