//! Requests of the AWS protocol, and their limits. Unknown fields are rejected rather than ignored.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::message::NewMessage;

/// Maximum size of a message, and of all messages of one request together.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// An error response, in the words of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SqsError {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl SqsError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn invalid_value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SendMessage {
    pub(super) queue_url: String,
    message_body: String,
    #[serde(default)]
    delay_seconds: u64,
    message_group_id: Option<String>,
}

impl SendMessage {
    pub(super) fn validate(self) -> Result<NewMessage, SqsError> {
        new_message(self.message_body, self.message_group_id, self.delay_seconds)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SendMessageBatch {
    pub(super) queue_url: String,
    pub(super) entries: Vec<SendEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SendEntry {
    pub(super) id: String,
    message_body: String,
    #[serde(default)]
    delay_seconds: u64,
    message_group_id: Option<String>,
}

impl SendEntry {
    pub(super) fn validate(self) -> Result<NewMessage, SqsError> {
        new_message(self.message_body, self.message_group_id, self.delay_seconds)
    }
}

impl SendMessageBatch {
    /// Checks everything that rejects the request as a whole.
    pub(super) fn validate(&self) -> Result<(), SqsError> {
        let error = |code, message: &str| Err(SqsError::new(code, message));
        match self.entries.len() {
            0 => return error("EmptyBatchRequest", "There should be at least one entry in the request."),
            1..=10 => {}
            _ => return error("TooManyEntriesInBatchRequest", "There may be at most 10 entries in the request."),
        }
        let mut ids: Vec<&str> = self.entries.iter().map(|entry| entry.id.as_str()).collect();
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if ids.iter().any(|id| id.is_empty() || id.len() > 80 || !id.chars().all(valid)) {
            return error(
                "InvalidBatchEntryId",
                "The id of a batch entry may have 1 to 80 letters, digits, hyphens and underscores.",
            );
        }
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return error("BatchEntryIdsNotDistinct", "Two or more batch entries have the same id.");
        }
        if self.entries.iter().map(|entry| entry.message_body.len()).sum::<usize>() > MAX_MESSAGE_BYTES {
            return error(
                "BatchRequestTooLong",
                "The messages of a batch must not be longer than 1048576 bytes in total.",
            );
        }
        Ok(())
    }
}

fn new_message(body: String, group: Option<String>, delay: u64) -> Result<NewMessage, SqsError> {
    if body.is_empty() {
        return Err(SqsError::new("MissingParameter", "The request must contain the parameter MessageBody."));
    }
    if body.len() > MAX_MESSAGE_BYTES {
        return Err(SqsError::invalid_value(
            "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
        ));
    }
    let is_xml_char =
        |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if !body.chars().all(is_xml_char) {
        return Err(SqsError::new(
            "InvalidMessageContents",
            "The message contains a character that XML 1.0 does not allow.",
        ));
    }
    if group.as_ref().is_some_and(|g| g.is_empty() || g.len() > 128 || !g.chars().all(|c| c.is_ascii_graphic())) {
        return Err(SqsError::invalid_value("MessageGroupId may have 1 to 128 letters, digits and punctuation marks."));
    }
    Ok(NewMessage { body, group, delay: seconds("DelaySeconds", delay, 900)? })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ReceiveMessage {
    pub(super) queue_url: String,
    max_number_of_messages: Option<usize>,
    visibility_timeout: Option<u64>,
    #[serde(default)]
    wait_time_seconds: u64,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    /// Older name of `message_system_attribute_names`.
    #[serde(default)]
    attribute_names: Vec<String>,
    /// Accepted and ignored: no message has such attributes.
    #[serde(default, rename = "MessageAttributeNames")]
    _message_attribute_names: Vec<String>,
}

/// A valid request to receive messages.
pub(super) struct ReceiveOptions {
    pub(super) max: usize,
    pub(super) visibility_timeout: Option<Duration>,
    pub(super) wait: Duration,
    pub(super) attributes: Vec<String>,
}

impl ReceiveMessage {
    pub(super) fn validate(self) -> Result<ReceiveOptions, SqsError> {
        let max = self.max_number_of_messages.unwrap_or(1);
        if !(1..=10).contains(&max) {
            return Err(SqsError::invalid_value(format!("MaxNumberOfMessages is {max}: it must be between 1 and 10.")));
        }
        let visibility_timeout =
            self.visibility_timeout.map(|value| seconds("VisibilityTimeout", value, 43_200)).transpose()?;
        let wait = seconds("WaitTimeSeconds", self.wait_time_seconds, 20)?;
        let attributes = [self.message_system_attribute_names, self.attribute_names].concat();
        Ok(ReceiveOptions { max, visibility_timeout, wait, attributes })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteMessage {
    pub(super) queue_url: String,
    pub(super) receipt_handle: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ChangeMessageVisibility {
    pub(super) queue_url: String,
    pub(super) receipt_handle: String,
    visibility_timeout: u64,
}

impl ChangeMessageVisibility {
    pub(super) fn visibility_timeout(&self) -> Result<Duration, SqsError> {
        seconds("VisibilityTimeout", self.visibility_timeout, 43_200)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueUrl {
    pub(super) queue_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetQueueAttributes {
    pub(super) queue_url: String,
    #[serde(default)]
    pub(super) attribute_names: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchResponse {
    pub(super) successful: Vec<Value>,
    pub(super) failed: Vec<Value>,
}

/// Returns the attributes of `all` that are in `names`, or all of them if `names` contains `All`.
pub(super) fn select_attributes(all: Vec<(&str, String)>, names: &[String]) -> Map<String, Value> {
    let is_selected = |name: &str| names.iter().any(|selected| selected == "All" || selected == name);
    all.into_iter().filter(|(name, _)| is_selected(name)).map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn seconds(name: &str, value: u64, max: u64) -> Result<Duration, SqsError> {
    if value > max {
        return Err(SqsError::invalid_value(format!("{name} is {value}: it must be between 0 and {max}.")));
    }
    Ok(Duration::from_secs(value))
}
