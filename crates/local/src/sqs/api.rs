//! SQS's own JSON: what the calls carry, and their limits. A field that is not here is refused
//! rather than ignored.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Outgoing;

/// A message's limit, and that of all messages of one call together.
const MAX_BYTES: usize = 1024 * 1024;

/// Why a call was refused, as AWS words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn value(message: impl Into<String>) -> Self {
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
    pub(super) fn check(self) -> Result<Outgoing, Fault> {
        outgoing(self.message_body, self.message_group_id, self.delay_seconds)
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
    pub(super) fn check(self) -> Result<Outgoing, Fault> {
        outgoing(self.message_body, self.message_group_id, self.delay_seconds)
    }
}

impl SendMessageBatch {
    /// What would refuse the call as a whole.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let fault = |code, message: &str| Err(Fault::new(code, message));
        match self.entries.len() {
            0 => return fault("EmptyBatchRequest", "There should be at least one entry in the request."),
            1..=10 => {}
            _ => return fault("TooManyEntriesInBatchRequest", "There may be at most 10 entries in the request."),
        }
        let mut ids: Vec<&str> = self.entries.iter().map(|entry| entry.id.as_str()).collect();
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if ids.iter().any(|id| id.is_empty() || id.len() > 80 || !id.chars().all(valid)) {
            return fault("InvalidBatchEntryId", "An entry's id is 1 to 80 letters, digits, hyphens and underscores.");
        }
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return fault("BatchEntryIdsNotDistinct", "Two entries have the same id.");
        }
        if self.entries.iter().map(|entry| entry.message_body.len()).sum::<usize>() > MAX_BYTES {
            return fault("BatchRequestTooLong", "The messages are longer than 1048576 bytes together.");
        }
        Ok(())
    }
}

fn outgoing(body: String, group: Option<String>, delay: u64) -> Result<Outgoing, Fault> {
    if body.is_empty() {
        return Err(Fault::new("MissingParameter", "The request must contain the parameter MessageBody."));
    }
    if body.len() > MAX_BYTES {
        return Err(Fault::value(
            "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
        ));
    }
    let allowed =
        |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if !body.chars().all(allowed) {
        return Err(Fault::new("InvalidMessageContents", "The message holds a character that XML 1.0 has not."));
    }
    if group.as_ref().is_some_and(|g| g.is_empty() || g.len() > 128 || !g.chars().all(|c| c.is_ascii_graphic())) {
        return Err(Fault::value("MessageGroupId is 1 to 128 letters, digits and punctuation marks."));
    }
    Ok(Outgoing { body, group, delay: seconds("DelaySeconds", delay, 900)? })
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
    /// The older name of the same.
    #[serde(default)]
    attribute_names: Vec<String>,
    /// No message has any.
    #[serde(default, rename = "MessageAttributeNames")]
    _message_attribute_names: Vec<String>,
}

/// How to receive.
pub(super) struct Receive {
    pub(super) max: usize,
    pub(super) visibility: Option<Duration>,
    pub(super) wait: Duration,
    pub(super) attributes: Vec<String>,
}

impl ReceiveMessage {
    pub(super) fn check(self) -> Result<Receive, Fault> {
        let max = self.max_number_of_messages.unwrap_or(1);
        if !(1..=10).contains(&max) {
            return Err(Fault::value(format!("MaxNumberOfMessages is {max}: it must be between 1 and 10.")));
        }
        let visibility =
            self.visibility_timeout.map(|given| seconds("VisibilityTimeout", given, 43_200)).transpose()?;
        let wait = seconds("WaitTimeSeconds", self.wait_time_seconds, 20)?;
        let attributes = [self.message_system_attribute_names, self.attribute_names].concat();
        Ok(Receive { max, visibility, wait, attributes })
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
    pub(super) fn visibility(&self) -> Result<Duration, Fault> {
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
pub(super) struct BatchAnswer {
    pub(super) successful: Vec<Value>,
    pub(super) failed: Vec<Value>,
}

/// Those of `all` that are asked for by name, or all of them.
pub(super) fn named(all: Vec<(&str, String)>, names: &[String]) -> Map<String, Value> {
    let asked = |name: &str| names.iter().any(|asked| asked == "All" || asked == name);
    all.into_iter().filter(|(name, _)| asked(name)).map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn seconds(name: &str, given: u64, most: u64) -> Result<Duration, Fault> {
    if given > most {
        return Err(Fault::value(format!("{name} is {given}: it must be between 0 and {most}.")));
    }
    Ok(Duration::from_secs(given))
}
