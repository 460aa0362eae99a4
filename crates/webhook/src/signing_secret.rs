//! Signing secrets of Standard Webhooks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A signing secret of Standard Webhooks: `whsec_` followed by base64. It is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigningSecret(String);

/// The error of a system that provides no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("failed to generate random bytes: {0}")]
pub struct NoRandomness(String);

impl SigningSecret {
    /// Wraps a secret in its text form.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// Generates a secret of 32 random bytes.
    ///
    /// # Errors
    /// If the system provides no random bytes.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| NoRandomness(error.to_string()))?;
        Ok(Self(format!("whsec_{}", STANDARD.encode(key))))
    }

    /// Returns the text form, for the response that shows it once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns the bytes of the key; `None` if the text form is invalid.
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
    fn generated_secrets_are_valid_and_not_printed() {
        let secret = SigningSecret::generate().unwrap();
        assert_eq!(secret.key().unwrap().len(), 32);
        assert_eq!(format!("{secret:?}"), "whsec_***");
    }
}
