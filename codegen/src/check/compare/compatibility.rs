//! Compatibility of two versions of a schema.

use serde::Serialize;

/// The compatibility of two versions of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compatibility {
    /// Both backward and forward compatible.
    Full,
    /// New readers accept the values of old writers.
    Backward,
    /// Old readers accept the values of new writers.
    Forward,
    /// Neither backward nor forward compatible.
    Breaking,
}

impl Compatibility {
    /// Returns the compatibility with the given directions.
    pub(super) fn from_directions(backward: bool, forward: bool) -> Self {
        match (backward, forward) {
            (true, true) => Self::Full,
            (true, false) => Self::Backward,
            (false, true) => Self::Forward,
            (false, false) => Self::Breaking,
        }
    }

    /// Returns whether new readers accept the values of old writers.
    pub fn is_backward(self) -> bool {
        matches!(self, Self::Full | Self::Backward)
    }

    /// Returns whether old readers accept the values of new writers.
    pub fn is_forward(self) -> bool {
        matches!(self, Self::Full | Self::Forward)
    }

    /// Returns the compatibility of two changes together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::from_directions(self.is_backward() && other.is_backward(), self.is_forward() && other.is_forward())
    }
}
