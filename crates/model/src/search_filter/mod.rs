//! Search filters.

pub(crate) mod case_fold;
pub(crate) mod filter_field;
pub(crate) mod json_text;
mod like_pattern;
pub(crate) mod searched_text;
pub(crate) mod text_query;
pub(crate) mod word_query;

use events::{Event, EventId, MAX_SPILL_MS, unix_nanoseconds};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use text_query::TextQuery;

/// A field that events are filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    /// Source that sent the event.
    Source,
    /// Catalog of the source.
    Catalog,
    /// Scope: lifecycle, logging or signal.
    Scope,
    /// Type of the event.
    Type,
    /// Actor: the user or service that caused the event.
    Actor,
    /// Subject: the object that the event is about.
    Subject,
    /// Any object that the event is about.
    Entity,
    /// Project of the event.
    Project,
    /// Environment of the event.
    Environment,
    /// Level of a log line.
    Level,
    /// Unleash's `featureName`.
    Feature,
    /// Unleash's `createdByUserId`.
    User,
    /// Unleash's `groupId`, which is shared by the events of one change.
    Group,
    /// Sequence number of the producer.
    Number,
}

/// A condition on one field of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The field.
    pub field: Field,
    /// Accepted values.
    pub values: Vec<String>,
    /// Lets events without the field match.
    pub or_none: bool,
}

/// A search filter. An event matches if it meets every part of the filter.
#[derive(Debug, Clone, Default)]
pub struct SearchFilter {
    /// Conditions that an event must all meet.
    pub conditions: Vec<Condition>,
    /// Alternatives: an event must meet all conditions of at least one of them. An empty list has no effect.
    /// Only fields with a single value may be used here.
    pub any: Vec<Vec<Condition>>,
    /// Start of the time range, inclusive.
    pub from: Option<Timestamp>,
    /// End of the time range, exclusive.
    pub until: Option<Timestamp>,
    /// Text that the event must contain.
    pub text: Option<TextQuery>,
}

impl SearchFilter {
    /// Adds the condition that `field` has one of `values`. An empty list adds no condition.
    #[must_use]
    pub fn and(mut self, field: Field, mut values: Vec<String>) -> Self {
        values.sort_unstable();
        values.dedup();
        if !values.is_empty() {
            self.conditions.push(Condition { field, values, or_none: false });
        }
        self
    }

    /// Returns every condition, including those of the alternatives.
    pub fn all_conditions(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().chain(self.any.iter().flatten())
    }

    /// Returns the values that a condition requires of `field`, sorted; `None` if no condition does.
    pub fn values(&self, field: Field) -> Option<Vec<String>> {
        let condition = self.conditions.iter().find(|condition| condition.field == field && !condition.or_none)?;
        let mut values = condition.values.clone();
        values.sort_unstable();
        values.dedup();
        Some(values)
    }

    /// Returns the lowest and highest id that can match as numbers; `None` if no event can match.
    pub fn ids(&self) -> Option<(u64, u64)> {
        // The id of an event may belong to a later millisecond than its time.
        const SPILL: jiff::SignedDuration = jiff::SignedDuration::from_millis(MAX_SPILL_MS.cast_signed() + 1);
        let at = |time: Timestamp| EventId::at(time, 0).map(EventId::as_u64);
        let lowest = self.from.and_then(at).unwrap_or(0);
        let highest = match self.until {
            None => EventId::MAX.as_u64(),
            // Ids start in the year 2000.
            Some(until) if until < EventId::from_u64(0)?.time() => return None,
            Some(until) => until.checked_add(SPILL).ok().and_then(at).unwrap_or(EventId::MAX.as_u64()),
        };
        (lowest <= highest).then_some((lowest, highest))
    }

    /// Returns the lowest and highest id that can match; `None` if no event can match.
    pub fn id_range(&self) -> Option<(EventId, EventId)> {
        let (low, high) = self.ids()?;
        Some((EventId::from_u64(low)?, EventId::from_u64(high)?))
    }

    /// Returns the start (inclusive) and end (exclusive) of the time range, in nanoseconds since 1970.
    pub fn times(&self) -> (i64, i64) {
        (self.from.map_or(i64::MIN, unix_nanoseconds), self.until.map_or(i64::MAX, unix_nanoseconds))
    }

    /// Returns whether an event that was found by an entity's link item matches the parts of the filter that the link
    /// cannot decide: a link holds only the hash of a long entity, and the id of an event may be later than its time.
    pub fn matches_linked(&self, event: &Event) -> bool {
        let (from, until) = self.times();
        let time = unix_nanoseconds(event.fields.time);
        let in_time = time >= from && (time < until || until == i64::MAX);
        let has = |condition: &Condition| event.fields.entities.iter().any(|entity| condition.values.contains(entity));
        let mut entities = self.conditions.iter().filter(|condition| condition.field == Field::Entity);
        in_time && entities.all(|condition| condition.or_none || has(condition))
    }

    /// Returns whether the filter restricts more than the time range.
    pub fn is_selective(&self) -> bool {
        self.all_conditions().next().is_some() || self.text.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_before_2000_matches_nothing() {
        let filter = SearchFilter { until: Some("1999-01-01T00:00:00Z".parse().unwrap()), ..SearchFilter::default() };
        assert_eq!(filter.ids(), None);
    }
}
