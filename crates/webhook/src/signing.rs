//! Standard Webhooks secrets.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A Standard Webhooks secret, `whsec_` and base64; never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigningSecret(String);

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("there is no randomness: {0}")]
pub struct NoRandomness(String);

impl SigningSecret {
    /// The secret in its written form.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// A new secret of 32 random bytes.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| NoRandomness(error.to_string()))?;
        Ok(Self(format!("whsec_{}", STANDARD.encode(key))))
    }

    /// The written form: for the answer that shows it once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The key's bytes, `None` where the written form is not one.
    pub fn key(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.0.strip_prefix("whsec_")?).ok()
    }
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("whsec_***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_made_is_one_and_is_not_printed() {
        let secret = SigningSecret::generate().unwrap();
        assert_eq!(secret.key().unwrap().len(), 32);
        assert_eq!(format!("{secret:?}"), "whsec_***");
    }
}
