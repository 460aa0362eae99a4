//! Targets: webhook receivers, how each of them is posted to, and which events it wants.

pub mod duration;
mod state;
mod wanted;

use std::time::Duration;

use ::events::Event;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

pub use state::{Paused, TargetState};
pub use wanted::{NotWanted, Wanted};

use crate::change::OWN;
use crate::config::Record;

/// The type of the events that test a target: each goes to its subject, and to nobody who does not want it.
const TEST: &str = "target-tested";

/// How many earlier filters of a target are remembered, to explain what they did not let pass.
const FORMER: usize = 20;

/// One webhook receiver: where it is, what it wants, and how deliveries to it are attempted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// What it is for, in its owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where its events are posted.
    pub address: Url,
    /// Which events it wants.
    pub wanted: Wanted,
    /// Since when it wants those.
    pub wanted_since: Timestamp,
    /// What it wanted before, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Former>,
    /// When a delivery is attempted again.
    pub retry: Retry,
    /// How long an attempt may take, from the look-up of the name to the end of the answer.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// For how long it may fail without one success before it is paused.
    #[serde(with = "duration")]
    pub disable_after: Duration,
    /// The `content-type` of what is posted.
    pub content_type: String,
    /// The body, as a Mustache template; the event's payload where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_template: Option<String>,
    /// The user name of Basic credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The names of the headers of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Whether there is a password.
    #[serde(default)]
    pub has_password: bool,
    /// Whether there is an `authorization` header.
    #[serde(default)]
    pub has_authorization: bool,
    /// The certificates, in PEM, that its own may be signed by, instead of those that everybody trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_cert: Option<String>,
    /// Its secrets: password, headers, and what its deliveries are signed with.
    pub sealed: Sealed,
    /// Until when deliveries are also signed with the secret before the last rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotating_until: Option<Timestamp>,
    /// When it was created: events received earlier are not delivered to it.
    pub created_at: Timestamp,
    /// Counts its changes.
    pub version: u64,
}

/// What a target wanted, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// Which events it wanted.
    pub wanted: Wanted,
    /// Since when.
    pub since: Timestamp,
}

/// When a delivery is attempted again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How often a delivery is attempted, where there is no schedule.
    pub count: u32,
    /// How long to wait between two attempts, where there is no schedule.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// The waits between attempts, one after the other; there is one attempt more.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "duration::list")]
    pub schedule: Option<Vec<Duration>>,
}

impl Retry {
    /// How long to wait after so many attempts have failed; `None` where that was the last.
    pub fn wait(&self, made: u32) -> Option<Duration> {
        match &self.schedule {
            Some(waits) => waits.get(usize::try_from(made).ok()?.checked_sub(1)?).copied(),
            None => (made < self.count).then_some(self.timeout),
        }
    }

    /// All waits together.
    pub fn longest(&self) -> Duration {
        match &self.schedule {
            Some(waits) => waits.iter().fold(Duration::ZERO, |sum, wait| sum.saturating_add(*wait)),
            None => self.timeout.saturating_mul(self.count.saturating_sub(1)),
        }
    }
}

/// Secrets, encrypted; the `webhook` crate opens them.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(#[serde(with = "serde_bytes")] pub Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sealed, {} bytes", self.0.len())
    }
}

impl Record for Target {
    const KIND: &'static str = "targets";

    fn name(&self) -> &str {
        &self.name
    }
}

impl Target {
    /// Whether the target wanted an event when that was received, and if not, what said no.
    ///
    /// What is decided depends on the event and the target alone, not on when it is asked: fanout and the
    /// explanation say the same.
    pub fn wants(&self, event: &Event) -> Result<(), NotWanted> {
        if self.is_tested_by(event) {
            return Ok(());
        }
        let received = event.received_at;
        if received < self.created_at {
            let created = self.created_at;
            let reason = format!("the event was received at {received}, before the target was created at {created}");
            return Err(NotWanted { filter: "created_at", reason });
        }
        self.wanted_at(received)
            .ok_or_else(|| NotWanted {
                filter: "unknown",
                reason: format!(
                    "the target was changed often since {received}: what it wanted then is not known any more"
                ),
            })?
            .passes(event)
    }

    /// Whether an event is there to test this target: it is delivered though the target may be paused, and once.
    pub fn is_tested_by(&self, event: &Event) -> bool {
        let fields = &event.fields;
        event.catalog == OWN && fields.event_type == TEST && fields.subject.as_deref() == Some(self.name.as_str())
    }

    /// What it wanted at a time; `None` where that has been forgotten.
    fn wanted_at(&self, time: Timestamp) -> Option<&Wanted> {
        if time >= self.wanted_since {
            return Some(&self.wanted);
        }
        self.former.iter().rev().find(|former| time >= former.since).map(|former| &former.wanted)
    }

    /// Changes what it wants from now on.
    pub fn want(&mut self, wanted: Wanted, now: Timestamp) {
        if wanted == self.wanted {
            return;
        }
        let before = std::mem::replace(&mut self.wanted, wanted);
        self.former.push(Former { wanted: before, since: self.wanted_since });
        if self.former.len() > FORMER {
            self.former.remove(0);
        }
        self.wanted_since = now;
    }
}

#[cfg(test)]
pub(crate) mod tests;
