//! Fields of a JSON Merge Patch (RFC 7396).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

/// A field of a patch.
#[derive(Debug, Default)]
pub(crate) enum PatchField<T> {
    /// The patch omits the field, which keeps its value.
    #[default]
    Keep,
    /// The patch sets the field, or removes it (null).
    Set(Option<T>),
}

impl<T> PatchField<T> {
    /// Returns the new value of a field whose value is `current`.
    pub(crate) fn into(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Keep => current,
            Self::Set(value) => value,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for PatchField<T> {
    fn deserialize<D: Deserializer<'de>>(field: D) -> Result<Self, D::Error> {
        Option::deserialize(field).map(Self::Set)
    }
}

impl<T: JsonSchema> JsonSchema for PatchField<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}
