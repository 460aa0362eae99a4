//! Update expressions of delivery items.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
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

    /// Excludes delivered deliveries by a condition, if the run skips them.
    pub(super) fn skip_delivered(&mut self, key: DeliveryKey<'_>) {
        if key.undelivered {
            self.value(":delivered", AttributeValue::S(RecordedStatus::Delivered.name().to_owned()));
            self.condition =
                format!("({}) AND (attribute_not_exists(#status) OR #status <> :delivered)", self.condition).into();
        }
    }

    /// Sets the status. Only undelivered deliveries are in the index by status.
    pub(super) fn set_status(&mut self, target: &str, status: RecordedStatus) {
        self.set("#status = :status", ":status", AttributeValue::S(status.name().to_owned()));
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
