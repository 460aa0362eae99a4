//! Everything of a target that nobody may read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::SigningSecret;

/// Everything of a target that nobody may read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// What its deliveries are signed with.
    pub signing: SigningSecret,
    /// What they were signed with before the last rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_signing: Option<SigningSecret>,
    /// The password of Basic credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The `authorization` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<String>,
    /// The headers of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}
