//! Update expressions of delivery items.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use model::delivery::transition::{ClaimsChange, DeliveryChange, FieldChange, Guard, StateCondition};
use model::{DeliveryKey, RecordedStatus};

/// A conditional update of a delivery item.
pub(super) struct ItemUpdate {
    pub(super) set: Vec<&'static str>,
    pub(super) remove: Vec<&'static str>,
    pub(super) condition: Cow<'static, str>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl ItemUpdate {
    pub(super) fn new() -> Self {
        Self { set: Vec::new(), remove: Vec::new(), condition: Cow::Borrowed(""), values: HashMap::new() }
    }

    pub(super) fn value(&mut self, name: &str, value: AttributeValue) {
        self.values.insert(name.to_owned(), value);
    }

    pub(super) fn set(&mut self, assignment: &'static str, name: &str, value: AttributeValue) {
        self.set.push(assignment);
        self.value(name, value);
    }

    /// Adds the change of a transition.
    pub(super) fn change(&mut self, key: DeliveryKey<'_>, change: &DeliveryChange<'_>) {
        self.set_status(key.target, change.status);
        if let Some(created_at) = key.target_created_at {
            let value = AttributeValue::S(created_at.to_string());
            self.set("target_created_at = :created", ":created", value);
        }
        if let Some(run) = change.run {
            self.set("run = :run", ":run", AttributeValue::S(run.to_owned()));
        }
        if let Some(made) = change.made {
            self.set("made = :made", ":made", AttributeValue::N(made.to_string()));
        }
        match change.next_attempt_at {
            FieldChange::Keep => {}
            FieldChange::Set(at) => self.set("next_attempt_at = :next", ":next", AttributeValue::S(at.to_string())),
            FieldChange::Remove => self.remove.push("next_attempt_at"),
        }
        match change.claimed_until {
            FieldChange::Keep => {}
            FieldChange::Set(until) => self.set("claimed_until = :until", ":until", milliseconds(until)),
            FieldChange::Remove => self.remove.push("claimed_until"),
        }
        match change.claims {
            ClaimsChange::Keep => {}
            ClaimsChange::Increment => {
                self.set("claims = if_not_exists(claims, :zero) + :one", ":one", AttributeValue::N("1".to_owned()));
                self.value(":zero", AttributeValue::N("0".to_owned()));
            }
            ClaimsChange::Set(claims) => {
                self.set("claims = :claims", ":claims", AttributeValue::N(claims.to_string()));
            }
            ClaimsChange::Remove => self.remove.push("claims"),
        }
        if let Some(held_at) = change.held_at {
            self.set("held_at = :held", ":held", AttributeValue::S(held_at.to_string()));
        }
    }

    /// Sets the condition to the guard of a transition. DynamoDB rejects redundant parentheses.
    pub(super) fn guard(&mut self, guard: &Guard<'_>) {
        let mut alternatives = Vec::new();
        for all in &guard.alternatives {
            let conditions: Vec<String> = all.iter().map(|condition| self.state_condition(*condition)).collect();
            let needs_parentheses = conditions.len() > 1 && guard.alternatives.len() > 1;
            let conditions = conditions.join(" AND ");
            alternatives.push(if needs_parentheses { format!("({conditions})") } else { conditions });
        }
        let mut condition = alternatives.join(" OR ");
        if guard.unless_delivered {
            let delivered = self.guard_value(status_value(RecordedStatus::Delivered));
            let guarded = if alternatives.len() > 1 { format!("({condition})") } else { condition };
            condition = format!("{guarded} AND (attribute_not_exists(#status) OR #status <> {delivered})");
        }
        self.condition = condition.into();
    }

    fn state_condition(&mut self, condition: StateCondition<'_>) -> String {
        match condition {
            StateCondition::NoRecord => "attribute_not_exists(pk)".to_owned(),
            StateCondition::NoRun => "attribute_not_exists(run)".to_owned(),
            StateCondition::RunBefore(run) => {
                format!("run < {}", self.guard_value(AttributeValue::S(run.to_owned())))
            }
            StateCondition::RunIs(run) => format!("run = {}", self.guard_value(AttributeValue::S(run.to_owned()))),
            StateCondition::StatusIs(status) => format!("#status = {}", self.guard_value(status_value(status))),
            StateCondition::Unfinished => {
                let statuses = RecordedStatus::ALL.into_iter().filter(|status| status.is_unfinished());
                let values: Vec<String> = statuses.map(|status| self.guard_value(status_value(status))).collect();
                format!("#status IN ({})", values.join(", "))
            }
            StateCondition::Unclaimed { now, latest } => {
                let (now, latest) = (self.guard_value(milliseconds(now)), self.guard_value(milliseconds(latest)));
                format!("(attribute_not_exists(claimed_until) OR claimed_until < {now} OR claimed_until > {latest})")
            }
            StateCondition::NothingMade => format!("made = {}", self.guard_value(AttributeValue::N("0".to_owned()))),
        }
    }

    /// Adds a value of the condition, and returns its name.
    fn guard_value(&mut self, value: AttributeValue) -> String {
        let name = format!(":guard{}", self.values.len());
        self.value(&name, value);
        name
    }

    /// Sets the status. Only undelivered deliveries are in the index by status.
    pub(super) fn set_status(&mut self, target: &str, status: RecordedStatus) {
        self.set("#status = :status", ":status", status_value(status));
        match status {
            RecordedStatus::Delivered => self.remove.push("ts"),
            _ => self.set("ts = :ts", ":ts", AttributeValue::S(status_key(target, status))),
        }
    }
}

/// Returns the partition key of the sparse index `by_status`, which has the undelivered deliveries.
pub fn status_key(target: &str, status: RecordedStatus) -> String {
    format!("{target}#{}", status.name())
}

fn status_value(status: RecordedStatus) -> AttributeValue {
    AttributeValue::S(status.name().to_owned())
}

fn milliseconds(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_millisecond().to_string())
}

#[cfg(test)]
mod tests {
    use events::EventId;
    use model::delivery::transition::{DeliveryEvent, transition};

    use super::*;

    #[track_caller]
    fn assert_condition(run: Option<&str>, undelivered: bool, event: DeliveryEvent, expected: &str) {
        let key = DeliveryKey { event: EventId::MIN, target: "t", target_created_at: None, run, undelivered };
        let mut update = ItemUpdate::new();
        update.guard(&transition(key, event).unwrap().guard);
        let mut condition = update.condition.into_owned();
        for (name, value) in update.values {
            let text = value.as_s().or_else(|_| value.as_n()).unwrap();
            condition = condition.replace(&name, text);
        }
        assert_eq!(condition, expected);
    }

    #[test]
    fn guards_become_condition_expressions() {
        let (now, until) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let hold = DeliveryEvent::Held { now, lost_attempts: 0 };
        let expected = "attribute_not_exists(pk) OR (#status = waiting AND attribute_not_exists(run))";
        assert_condition(None, false, hold, expected);
        let expected = "(attribute_not_exists(run) OR run < r1 OR (run = r1 AND #status = waiting)) \
                        AND (attribute_not_exists(#status) OR #status <> delivered)";
        assert_condition(Some("r1"), true, hold, expected);
        let claim = DeliveryEvent::Claimed { is_new_run: false, now, until };
        let expected = "run = r1 AND #status IN (waiting, held) \
                        AND (attribute_not_exists(claimed_until) OR claimed_until < 0 OR claimed_until > 0)";
        assert_condition(Some("r1"), true, claim, expected);
        let attempted = DeliveryEvent::Attempted { status: RecordedStatus::Failed, made: 1, next_attempt_at: None };
        let expected = "run = r1 AND (attribute_not_exists(#status) OR #status <> delivered)";
        assert_condition(Some("r1"), false, attempted, expected);
        let undo = DeliveryEvent::ReleaseUndone { to: RecordedStatus::Held };
        assert_condition(Some("r1"), false, undo, "#status = waiting AND run = r1 AND made = 0");
    }
}
