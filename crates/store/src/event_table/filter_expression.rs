//! DynamoDB filter expressions of search filters.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use events::unix_nanoseconds;
use jiff::Timestamp;
use model::{Condition, Field, SearchFilter};

/// A DynamoDB filter expression with its values.
#[derive(Debug, Clone, Default)]
pub struct FilterExpression {
    /// Text of the expression.
    pub text: String,
    /// Values of the expression by their placeholders.
    pub values: HashMap<String, AttributeValue>,
}

impl FilterExpression {
    /// Creates an expression that excludes expired events and the events that a filter does not match by its
    /// attributes.
    pub fn new(filter: &SearchFilter, now: Timestamp) -> Self {
        let mut values = Values::default();
        // DynamoDB removes expired items with a delay.
        let now = values.add(AttributeValue::N(now.as_second().to_string()));
        let mut clauses = vec![format!("(attribute_not_exists(expires) OR expires > {now})")];
        for condition in &filter.conditions {
            clauses.extend(clause(condition, &mut values));
        }
        let all = |alternative: &Vec<Condition>| {
            let clauses = alternative.iter().filter_map(|condition| clause(condition, &mut values));
            clauses.collect::<Vec<_>>().join(" AND ")
        };
        let mut any: Vec<String> = filter.any.iter().map(all).collect();
        // DynamoDB rejects redundant parentheses.
        clauses.extend(if any.len() > 1 { Some(format!("({})", any.join(" OR "))) } else { any.pop() });
        // An id holds milliseconds only, and may be later than the event's time: the exact time decides.
        for (time, comparison) in [(filter.from, ">="), (filter.until, "<")] {
            if let Some(time) = time {
                let value = values.add(AttributeValue::N(unix_nanoseconds(time).to_string()));
                clauses.push(format!("tm {comparison} {value}"));
            }
        }
        Self { text: clauses.join(" AND "), values: values.0 }
    }

    /// Creates an expression that matches exactly the events of the filter; `None` if the filter depends on payloads
    /// or the expression exceeds DynamoDB's limits.
    pub fn exact(filter: &SearchFilter, now: Timestamp) -> Option<Self> {
        let has_attributes = filter.all_conditions().all(|condition| attribute(condition.field).is_some());
        (has_attributes && filter.text.is_none()).then(|| Self::new(filter, now)).filter(Self::is_within_limits)
    }

    /// Returns whether DynamoDB accepts the expression: at most 4 KB and 300 operands, 100 of them in one `IN`.
    pub fn is_within_limits(&self) -> bool {
        // Each value comes with at most one attribute, so only the limit of bytes and that of values can be reached.
        const MAX_VALUES: usize = 100;
        const MAX_BYTES: usize = 4096;
        self.text.len() <= MAX_BYTES && self.values.len() <= MAX_VALUES
    }
}

/// The values of an expression under generated placeholders.
#[derive(Default)]
struct Values(HashMap<String, AttributeValue>);

impl Values {
    fn add(&mut self, value: AttributeValue) -> String {
        let name = format!(":v{}", self.0.len());
        self.0.insert(name.clone(), value);
        name
    }
}

/// Returns the attribute that holds a field; `None` if only the payload does.
fn attribute(field: Field) -> Option<&'static str> {
    field.properties().map(|properties| properties.attribute)
}

fn clause(condition: &Condition, values: &mut Values) -> Option<String> {
    let attribute = attribute(condition.field)?;
    let names: Vec<String> = condition.values.iter().map(|v| values.add(AttributeValue::S(v.clone()))).collect();
    let any = if condition.field == Field::Entity {
        let contains: Vec<String> = names.iter().map(|name| format!("contains({attribute}, {name})")).collect();
        format!("({})", contains.join(" OR "))
    } else {
        format!("{attribute} IN ({})", names.join(", "))
    };
    Some(if condition.or_none { format!("(attribute_not_exists({attribute}) OR {any})") } else { any })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oversized_expressions_are_detected() {
        let fields = [Field::Source, Field::Scope, Field::Type, Field::Actor, Field::Subject, Field::Entity];
        let filter = |count: usize| {
            let values = |field: Field| (0..count).map(|n| format!("{field:?}-{}", n / 2)).collect();
            fields.into_iter().fold(SearchFilter::default(), |filter, field| filter.and(field, values(field)))
        };
        assert!(FilterExpression::new(&filter(20), Timestamp::UNIX_EPOCH).is_within_limits());
        assert_eq!(filter(20).conditions[0].values.len(), 10, "each value counts once");
        assert!(!FilterExpression::new(&filter(100), Timestamp::UNIX_EPOCH).is_within_limits());
    }

    #[test]
    fn alternatives_are_joined_by_or() {
        let is = |field, value: &str| Condition { field, values: vec![value.to_owned()], or_none: false };
        let any = vec![vec![is(Field::Scope, "signal")], vec![is(Field::Scope, "logging"), is(Field::Level, "ERROR")]];
        let filter = SearchFilter { any, ..SearchFilter::default() };
        let expression = FilterExpression::exact(&filter, Timestamp::UNIX_EPOCH).unwrap();
        assert!(expression.text.ends_with("AND (o IN (:v1) OR o IN (:v2) AND l IN (:v3))"), "{}", expression.text);
        let by_payload = SearchFilter { any: vec![vec![is(Field::Number, "1")]], ..SearchFilter::default() };
        assert!(
            FilterExpression::exact(&by_payload, Timestamp::UNIX_EPOCH).is_none(),
            "only the payload holds the number"
        );
    }

    #[test]
    fn a_condition_can_match_events_without_the_field() {
        let environment = Condition { field: Field::Environment, values: vec!["production".to_owned()], or_none: true };
        let filter = SearchFilter { conditions: vec![environment], ..SearchFilter::default() };
        let expression = FilterExpression::new(&filter, Timestamp::UNIX_EPOCH).text;
        assert!(expression.ends_with("AND (attribute_not_exists(v) OR v IN (:v1))"), "{expression}");
        assert_eq!(filter.values(Field::Environment), None, "no index has events without the field");
    }
}
