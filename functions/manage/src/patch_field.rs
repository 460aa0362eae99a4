//! Fields of a JSON Merge Patch (RFC 7396).

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

/// What a patch says of a field that may be missing.
#[derive(Debug, Default)]
pub(crate) enum PatchField<T> {
    /// It was left out: the field stays.
    #[default]
    Keep,
    /// The field is removed, or has this value now.
    Set(Option<T>),
}

impl<T> PatchField<T> {
    /// The field that was `current`, as it is now.
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
