//! Records of the configuration.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A record of the `config` table, found by its kind and name.
pub trait Record: Serialize + DeserializeOwned {
    /// The kind in the plural, as in the paths of the API: `targets`.
    const KIND: &'static str;

    /// The name, which is unique within the kind.
    fn name(&self) -> &str;
}
