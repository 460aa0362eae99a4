//! Masks for addresses and templates that are credentials.

use sha2::{Digest, Sha256};
use url::Url;

/// Number of hexadecimal digits that identify a masked text.
const MASK_DIGITS: usize = 12;

/// Returns the scheme, host and port of an address. A path or query is replaced by a hash of the address.
pub fn mask_address(address: &Url) -> String {
    if address.path() == "/" && address.query().is_none() && address.fragment().is_none() {
        return address.to_string();
    }
    format!("{}/{}", address.origin().ascii_serialization(), mask_text(address.as_str()))
}

/// Returns a mask that contains a hash of the text, so that it shows whether the text was changed.
pub fn mask_text(text: &str) -> String {
    let mut hash = hex::encode(Sha256::digest(text));
    hash.truncate(MASK_DIGITS);
    format!("*** (sha256 {hash})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_addresses_show_only_their_origin() {
        let mask = |address: &str| mask_address(&address.parse().unwrap());
        assert_eq!(mask("https://example.com:8443"), "https://example.com:8443/");
        for address in ["https://example.com/SECRET", "https://example.com/?SECRET", "https://example.com/#SECRET"] {
            let masked = mask(address);
            assert!(masked.starts_with("https://example.com/*** (sha256 "), "{masked}");
            assert!(!masked.contains("SECRET"), "{masked}");
            assert_eq!(masked, mask(address));
            assert_ne!(masked, mask(&format!("{address}2")));
        }
    }
}
