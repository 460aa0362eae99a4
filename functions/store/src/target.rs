//! Targets: webhook receivers, and which events each of them wants.

use std::time::Duration;

use events::{Fields, Level, Scope};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use crate::config::Record;

/// One webhook receiver with its filters, secret and retry policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Where its events are posted.
    pub address: Url,
    /// The least severe log line that it wants; bounds `logging` events only.
    pub level: Level,
    /// The scopes that it wants.
    pub scopes: Vec<Scope>,
    /// The types that it wants; empty means every type.
    #[serde(default)]
    pub events: Vec<String>,
    /// How often a delivery is attempted.
    pub retry_count: u32,
    /// How long to wait between two attempts.
    #[serde(with = "duration")]
    pub retry_timeout: Duration,
    /// What its deliveries are signed with.
    pub signing_secret: SigningSecret,
    /// When it was created: events received earlier are not delivered to it.
    pub created_at: Timestamp,
}

/// A Standard Webhooks secret, `whsec_` and base64; never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigningSecret(String);

impl SigningSecret {
    /// The secret in its written form.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The written form: for the answer that shows it once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The key's bytes, `None` where the written form is not one.
    pub fn key(&self) -> Option<Vec<u8>> {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.decode(self.0.strip_prefix("whsec_")?).ok()
    }
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("whsec_***")
    }
}

impl Record for Target {
    const KIND: &'static str = "targets";

    fn name(&self) -> &str {
        &self.name
    }
}

/// The filter of a target that an event did not pass, with what would have passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotWanted {
    /// The target's field.
    pub filter: &'static str,
    /// Why the event does not pass, in words.
    pub reason: String,
}

impl Target {
    /// Whether the target wants an event, and if not, which of its filters says so.
    pub fn wants(&self, fields: &Fields, received_at: Timestamp) -> Result<(), NotWanted> {
        let not_wanted = |filter, reason: String| Err(NotWanted { filter, reason });
        if received_at < self.created_at {
            let reason = format!(
                "the event was received at {received_at}, before the target was created at {}",
                self.created_at
            );
            return not_wanted("created_at", reason);
        }
        if !self.scopes.contains(&fields.scope) {
            let taken: Vec<String> = self.scopes.iter().map(Scope::to_string).collect();
            return not_wanted(
                "scopes",
                format!("the target takes {}, the event is {}", taken.join(", "), fields.scope),
            );
        }
        if !self.events.is_empty() && !self.events.contains(&fields.event_type) {
            let reason = format!("the target takes {}, the event is {}", self.events.join(", "), fields.event_type);
            return not_wanted("events", reason);
        }
        // A log line whose level nobody knows is let through: rather one too many than one lost.
        match fields.level {
            Some(level) if fields.scope == Scope::Logging && level < self.level => {
                not_wanted("level", format!("the target takes {} and above, the event is {level}", self.level))
            }
            _ => Ok(()),
        }
    }
}

/// Durations as Migration Manager writes them: `10s`, `5m`, `1h30m`.
pub mod duration {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer, SignedDuration};

    /// Reads `10s`, `5m`, `1h30m`; what is negative or unreadable is `None`.
    pub fn parse(text: &str) -> Option<Duration> {
        text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok())
    }

    /// Writes a duration as [`parse`] reads it: whole hours, minutes, seconds and milliseconds.
    pub fn format(duration: Duration) -> String {
        let seconds = duration.as_secs();
        let parts = [
            (seconds / 3600, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (duration.subsec_millis().into(), "ms"),
        ];
        let text: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
        if text.is_empty() { "0s".to_owned() } else { text.concat() }
    }

    /// For serde's `with`.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        format(*duration).serialize(serializer)
    }

    /// For serde's `with`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| serde::de::Error::custom("expected a duration such as 10s, 5m or 1h30m"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            name: "t".into(),
            address: "https://example.com".parse().unwrap(),
            level: Level::Warn,
            scopes: vec![Scope::Lifecycle, Scope::Logging],
            events: vec![],
            retry_count: 3,
            retry_timeout: Duration::from_secs(10),
            signing_secret: SigningSecret::new("whsec_c2VjcmV0".into()),
            created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    fn fields(scope: Scope, event_type: &str, level: Option<Level>) -> Fields {
        Fields {
            scope,
            event_type: event_type.into(),
            time: Timestamp::UNIX_EPOCH,
            time_given: true,
            actor: None,
            subject: None,
            entities: vec![],
            project: None,
            environment: None,
            level,
            schema_version: None,
        }
    }

    #[track_caller]
    fn refused_by(target: &Target, fields: &Fields) -> Option<&'static str> {
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        target.wants(fields, now).err().map(|not| not.filter)
    }

    #[test]
    fn level_bounds_logging_alone() {
        let target = target();
        assert_eq!(refused_by(&target, &fields(Scope::Logging, "logging", Some(Level::Info))), Some("level"));
        assert_eq!(refused_by(&target, &fields(Scope::Logging, "logging", Some(Level::Warn))), None);
        assert_eq!(refused_by(&target, &fields(Scope::Logging, "logging", None)), None);
        assert_eq!(refused_by(&target, &fields(Scope::Lifecycle, "batch-started", Some(Level::Debug))), None);
    }

    #[test]
    fn scope_and_type_are_named_when_they_say_no() {
        let mut target = target();
        target.scopes = vec![Scope::Lifecycle];
        target.events = vec!["feature-created".into()];
        assert_eq!(refused_by(&target, &fields(Scope::Logging, "logging", None)), Some("scopes"));
        assert_eq!(refused_by(&target, &fields(Scope::Lifecycle, "feature-tagged", None)), Some("events"));
        assert_eq!(refused_by(&target, &fields(Scope::Lifecycle, "feature-created", None)), None);
    }

    #[test]
    fn events_older_than_the_target_are_not_wanted() {
        let early = "2025-12-31T23:59:59Z".parse().unwrap();
        let refused = target().wants(&fields(Scope::Lifecycle, "x", None), early).unwrap_err();
        assert_eq!(refused.filter, "created_at");
    }

    #[test]
    fn durations_read_and_write() {
        for (text, seconds) in [("10s", 10), ("5m", 300), ("1h30m", 5400), ("0s", 0)] {
            assert_eq!(duration::parse(text), Some(Duration::from_secs(seconds)), "{text}");
            assert_eq!(duration::format(Duration::from_secs(seconds)), text);
        }
        assert_eq!(duration::format(Duration::from_millis(1500)), "1s500ms");
        for text in ["", "ten", "-5s", "10"] {
            assert_eq!(duration::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert!(!format!("{:?}", target()).contains("c2VjcmV0"));
    }
}
