//! Which events a search is for.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use events::{Event, EventId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::item::nanoseconds;
use crate::put::MAX_SPILL_MS;
use crate::search::text::Text;

/// A field that events are filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    /// The source that sent it.
    Source,
    /// The catalog of that source.
    Catalog,
    /// Lifecycle, logging or signal.
    Scope,
    /// What happened.
    Type,
    /// Who did it.
    Actor,
    /// What it was done to.
    Subject,
    /// Any of what it was done to.
    Entity,
    /// The project involved.
    Project,
    /// The environment involved.
    Environment,
    /// A log line's severity.
    Level,
    /// The feature that it was done to (Unleash's `featureName`).
    Feature,
    /// The number of the user who did it (Unleash's `createdByUserId`).
    User,
    /// The change that it was part of (Unleash's `groupId`).
    Group,
    /// The producer's own number for it.
    Number,
}

impl Field {
    /// The attribute of an event's item; `None` where only its payload tells.
    pub(crate) fn attribute(self) -> Option<&'static str> {
        Some(match self {
            Self::Source => "s",
            Self::Catalog => "c",
            Self::Scope => "o",
            Self::Type => "t",
            Self::Actor => "a",
            Self::Subject => "u",
            Self::Entity => "e",
            Self::Project => "p",
            Self::Environment => "v",
            Self::Level => "l",
            Self::Feature | Self::User | Self::Group | Self::Number => return None,
        })
    }
}

/// One thing that must hold of an event: its field has one of these values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The field.
    pub field: Field,
    /// Its values, any of which will do.
    pub values: Vec<String>,
    /// Whether an event that has no such field will do too.
    pub or_none: bool,
}

/// Which events a search is for: every condition must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// What must hold of their fields.
    pub conditions: Vec<Condition>,
    /// Besides, all of one of these must hold of fields that an event has one of; where there are none, nothing.
    pub any: Vec<Vec<Condition>>,
    /// No event before this time.
    pub from: Option<Timestamp>,
    /// No event at or after this time.
    pub until: Option<Timestamp>,
    /// What must stand in their payloads.
    pub text: Option<Text>,
}

impl Filter {
    /// Adds the condition that the field has one of these values; none of them is no condition.
    #[must_use]
    pub fn and(mut self, field: Field, mut values: Vec<String>) -> Self {
        values.sort_unstable();
        values.dedup();
        if !values.is_empty() {
            self.conditions.push(Condition { field, values, or_none: false });
        }
        self
    }

    /// Every condition, those of the alternatives included.
    fn all_conditions(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().chain(self.any.iter().flatten())
    }

    /// The values that a field may have, where there is a condition that says so.
    pub(crate) fn values(&self, field: Field) -> Option<Vec<String>> {
        let condition = self.conditions.iter().find(|condition| condition.field == field && !condition.or_none)?;
        let mut values = condition.values.clone();
        values.sort_unstable();
        values.dedup();
        Some(values)
    }

    /// The lowest and highest id that can match, `None` where none can.
    pub(crate) fn ids(&self) -> Option<(u64, u64)> {
        // An event may stand in a later millisecond than its own.
        const SPILL: jiff::SignedDuration = jiff::SignedDuration::from_millis(MAX_SPILL_MS.cast_signed() + 1);
        let at = |time: Timestamp| EventId::at(time, 0).map(EventId::as_u64);
        let lowest = self.from.and_then(at).unwrap_or(0);
        let highest = match self.until {
            None => EventId::MAX.as_u64(),
            // Before 2000 there is nothing.
            Some(until) if until < EventId::from_u64(0)?.time() => return None,
            Some(until) => until.checked_add(SPILL).ok().and_then(at).unwrap_or(EventId::MAX.as_u64()),
        };
        (lowest <= highest).then_some((lowest, highest))
    }

    /// The lowest and highest id that can match, `None` where none can.
    pub fn id_range(&self) -> Option<(EventId, EventId)> {
        let (low, high) = self.ids()?;
        Some((EventId::from_u64(low)?, EventId::from_u64(high)?))
    }

    /// The times that can match, in nanoseconds since 1970: from the first on, before the second.
    pub(crate) fn times(&self) -> (i64, i64) {
        (self.from.map_or(i64::MIN, nanoseconds), self.until.map_or(i64::MAX, nanoseconds))
    }

    /// Whether an event that an entity's link leads to is one of these, as far as a link leaves that open: it has the
    /// entity's hash where that is long, and an id that may be later than its event's time.
    pub(crate) fn holds(&self, event: &Event) -> bool {
        let (from, until) = self.times();
        let time = nanoseconds(event.fields.time);
        let in_time = time >= from && (time < until || until == i64::MAX);
        let has = |wanted: &Condition| event.fields.entities.iter().any(|entity| wanted.values.contains(entity));
        let mut entities = self.conditions.iter().filter(|condition| condition.field == Field::Entity);
        in_time && entities.all(|wanted| wanted.or_none || has(wanted))
    }

    /// The same as [`Self::expression`], where it decides alone which events match; `None` where it does not, or where
    /// DynamoDB does not take it.
    pub(crate) fn deciding(&self, now: Timestamp) -> Option<Expression> {
        let told = self.all_conditions().all(|condition| condition.field.attribute().is_some());
        (told && self.text.is_none()).then(|| self.expression(now)).filter(Expression::is_taken)
    }

    /// Whether it leaves out events by more than their time.
    pub(crate) fn is_thinning(&self) -> bool {
        self.all_conditions().next().is_some() || self.text.is_some()
    }

    /// What DynamoDB is to leave out of what it reads.
    pub(crate) fn expression(&self, now: Timestamp) -> Expression {
        let mut values = Values::default();
        // DynamoDB removes what has expired in its own time.
        let now = values.add(AttributeValue::N(now.as_second().to_string()));
        let mut clauses = vec![format!("(attribute_not_exists(expires) OR expires > {now})")];
        for condition in &self.conditions {
            clauses.extend(condition.clause(&mut values));
        }
        let all = |alternative: &Vec<Condition>| {
            let clauses = alternative.iter().filter_map(|condition| condition.clause(&mut values));
            clauses.collect::<Vec<_>>().join(" AND ")
        };
        let mut any: Vec<String> = self.any.iter().map(all).collect();
        // DynamoDB refuses parentheses that change nothing.
        clauses.extend(if any.len() > 1 { Some(format!("({})", any.join(" OR "))) } else { any.pop() });
        // Ids hold milliseconds and may spill: the exact time decides.
        for (time, comparison) in [(self.from, ">="), (self.until, "<")] {
            if let Some(time) = time {
                clauses
                    .push(format!("tm {comparison} {}", values.add(AttributeValue::N(nanoseconds(time).to_string()))));
            }
        }
        Expression { text: clauses.join(" AND "), values }
    }
}

impl Condition {
    fn clause(&self, values: &mut Values) -> Option<String> {
        let attribute = self.field.attribute()?;
        let names: Vec<String> = self.values.iter().map(|v| values.add(AttributeValue::S(v.clone()))).collect();
        let any = if self.field == Field::Entity {
            let contains: Vec<String> = names.iter().map(|name| format!("contains({attribute}, {name})")).collect();
            format!("({})", contains.join(" OR "))
        } else {
            format!("{attribute} IN ({})", names.join(", "))
        };
        Some(if self.or_none { format!("(attribute_not_exists({attribute}) OR {any})") } else { any })
    }
}

/// A DynamoDB expression with its values.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    pub(crate) text: String,
    pub(crate) values: Values,
}

impl Expression {
    /// Whether DynamoDB takes it: up to 4 KB, 300 operands, 100 of them for one IN.
    pub(crate) fn is_taken(&self) -> bool {
        // Each comes with an attribute at most, so that no limit but that of the bytes is reached.
        const MAX_VALUES: usize = 100;
        const MAX_BYTES: usize = 4096;
        self.text.len() <= MAX_BYTES && self.values.0.len() <= MAX_VALUES
    }
}

/// The values of a DynamoDB expression, under generated names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values(pub(crate) HashMap<String, AttributeValue>);

impl Values {
    pub(crate) fn add(&mut self, value: AttributeValue) -> String {
        let name = format!(":v{}", self.0.len());
        self.0.insert(name.clone(), value);
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_before_2000_matches_nothing() {
        let filter = Filter { until: Some("1999-01-01T00:00:00Z".parse().unwrap()), ..Filter::default() };
        assert_eq!(filter.ids(), None);
    }

    #[test]
    fn an_expression_may_be_more_than_dynamodb_takes() {
        let fields = [Field::Source, Field::Scope, Field::Type, Field::Actor, Field::Subject, Field::Entity];
        let filter = |count: usize| {
            let values = |field: Field| (0..count).map(|n| format!("{field:?}-{}", n / 2)).collect();
            fields.into_iter().fold(Filter::default(), |filter, field| filter.and(field, values(field)))
        };
        assert!(filter(20).expression(Timestamp::UNIX_EPOCH).is_taken());
        assert_eq!(filter(20).conditions[0].values.len(), 10, "each value counts once");
        assert!(!filter(100).expression(Timestamp::UNIX_EPOCH).is_taken());
    }

    #[test]
    fn one_of_several_alternatives_holds() {
        let is = |field, value: &str| Condition { field, values: vec![value.to_owned()], or_none: false };
        let any = vec![vec![is(Field::Scope, "signal")], vec![is(Field::Scope, "logging"), is(Field::Level, "ERROR")]];
        let filter = Filter { any, ..Filter::default() };
        let expression = filter.deciding(Timestamp::UNIX_EPOCH).unwrap();
        assert!(expression.text.ends_with("AND (o IN (:v1) OR o IN (:v2) AND l IN (:v3))"), "{}", expression.text);
        let by_payload = Filter { any: vec![vec![is(Field::Number, "1")]], ..Filter::default() };
        assert!(by_payload.deciding(Timestamp::UNIX_EPOCH).is_none(), "only the payload tells");
    }

    #[test]
    fn a_condition_may_let_pass_what_has_no_such_field() {
        let environment = Condition { field: Field::Environment, values: vec!["production".to_owned()], or_none: true };
        let filter = Filter { conditions: vec![environment], ..Filter::default() };
        let expression = filter.expression(Timestamp::UNIX_EPOCH).text;
        assert!(expression.ends_with("AND (attribute_not_exists(v) OR v IN (:v1))"), "{expression}");
        assert_eq!(filter.values(Field::Environment), None, "no index holds what is not there");
    }
}
