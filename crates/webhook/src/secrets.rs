//! The secrets of a target.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::signing_secret::SigningSecret;

/// The secrets of a target, which are stored encrypted and never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// Secret with which deliveries are signed.
    pub signing: SigningSecret,
    /// Signing secret before the last rotation.
    #[serde(default, rename = "former_signing", skip_serializing_if = "Option::is_none")]
    pub previous_signing: Option<SigningSecret>,
    /// Password of Basic credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Value of the `authorization` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<String>,
    /// Names and values of custom headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(***)")
    }
}
