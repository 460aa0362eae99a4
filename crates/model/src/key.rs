//! API keys.

use events::TIDINGS_SOURCE;
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::source::Source;

/// Name of the manage key that a deployment is created with.
pub const FIRST_MANAGE_KEY_NAME: &str = "first-manage-key";

/// The permission of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// Post events of one source.
    Ingest,
    /// Search and read events.
    Read,
    /// Change targets, sources and keys.
    Manage,
}

/// An API key. Only the hash of its token is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Name of the key.
    pub name: String,
    /// Permission of the key.
    pub scope: KeyScope,
    /// Source whose events an ingest key posts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Time at which the source of an ingest key was created. The key is bound to it: a source with the same name that is
    /// created later is another one. `None` in keys that were created by versions without this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_created_at: Option<Timestamp>,
    /// SHA-256 of the token, in hexadecimal.
    pub sha256: String,
    /// Time at which the key was created.
    pub created_at: Timestamp,
    /// Time at which the key expires; `None` for a key that never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl Key {
    /// Returns whether a name is reserved, in any case. Audit events name the key as their actor, so no caller may create
    /// a key with the name of an actor that is not a key of the table.
    pub fn is_reserved_name(name: &str) -> bool {
        [TIDINGS_SOURCE, FIRST_MANAGE_KEY_NAME].iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
    }

    /// Returns whether the key belongs to a source of Tidings itself. Earlier versions allowed such keys.
    pub fn has_reserved_source(&self) -> bool {
        self.source.as_deref().is_some_and(Source::is_reserved_name)
    }

    /// Returns whether the key may post events of this source.
    pub fn is_for(&self, source: &Source) -> bool {
        self.source.as_deref() == Some(source.name.as_str())
            && match self.source_created_at {
                Some(created_at) => created_at == source.created_at,
                None => self.created_at >= source.created_at,
            }
    }
}

impl Record for Key {
    const KIND: &'static str = "keys";

    fn name(&self) -> &str {
        &self.name
    }
}

/// The last day on which a key was used.
///
/// It is a record of its own, so that functions that record the use of keys do not need write access to keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// Name of the key.
    pub name: String,
    /// The day, in UTC.
    pub day: Date,
}

impl Record for KeyUse {
    const KIND: &'static str = "uses";

    fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_bound_to_the_creation_of_its_source() {
        let time = |text: &str| -> Timestamp { text.parse().unwrap() };
        let (first, second) = (time("2026-01-01T00:00:00Z"), time("2026-01-02T00:00:00Z"));
        let source = |created_at| Source { name: "a".into(), catalog: "signal".into(), description: None, created_at };
        let key = Key {
            name: "k".into(),
            scope: KeyScope::Ingest,
            source: Some("a".into()),
            source_created_at: Some(first),
            sha256: String::new(),
            created_at: first,
            expires_at: None,
        };
        assert!(key.is_for(&source(first)) && !key.is_for(&source(second)));
        assert!(!key.is_for(&Source { name: "b".into(), ..source(first) }));
        // The clock was turned back between the creation of the source and of the key.
        assert!(Key { source_created_at: Some(second), ..key.clone() }.is_for(&source(second)));
        let old = Key { source_created_at: None, ..key };
        assert!(old.is_for(&source(first)) && !old.is_for(&source(second)));
    }

    #[test]
    fn names_of_actors_are_reserved_in_any_case() {
        for name in ["tidings", "Tidings", "first-manage-key", "FIRST-manage-KEY"] {
            assert!(Key::is_reserved_name(name), "{name}");
        }
        assert!(!Key::is_reserved_name("tidings-reader"));
    }
}
