//! X-Ray traces: one trace for each event, with a span for each function that processes it.
//!
//! The stream and the queues between the functions do not carry trace ids. The trace id is therefore derived from the
//! event: the second in which the event was received, and the event's id
//! (<https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html>). Every function, and everyone who
//! looks for the trace, can compute it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use events::EventId;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::env::{Env, EnvError};

/// Header of each segment document that is sent to the daemon.
const DAEMON_HEADER: &str = "{\"format\":\"json\",\"version\":1}\n";

/// Sends spans to the X-Ray daemon, which Lambda runs next to a function.
#[derive(Debug, Clone, Default)]
pub struct Tracer(Option<Arc<Daemon>>);

#[derive(Debug)]
struct Daemon {
    socket: UdpSocket,
    address: SocketAddr,
    percent: u8,
}

/// The work of a function on one event. X-Ray calls it a segment.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    /// Name of the function.
    pub function: &'static str,
    /// The event.
    pub event: EventId,
    /// Time of receipt of the event.
    pub received_at: Timestamp,
    /// Start of the span. The span ends when it is emitted.
    pub began: Timestamp,
    /// Name of the target and number of the attempt, if the span is a delivery attempt.
    pub attempt: Option<(&'a str, u32)>,
    /// Error message, if the function failed.
    pub error: Option<&'a str>,
}

impl Tracer {
    /// Creates a tracer from `TRACE_PERCENT`, the percentage of traced events (default 0), and
    /// `AWS_XRAY_DAEMON_ADDRESS`, which Lambda sets. If a variable is missing or invalid, no event is traced: tracing must
    /// not keep a function from starting.
    pub fn from_env(env: &Env<'_>) -> Self {
        Self::try_from_env(env).unwrap_or_else(|error| {
            tracing::error!(%error, "tracing is off: no event has a trace until the variable is corrected");
            Self::default()
        })
    }

    fn try_from_env(env: &Env<'_>) -> Result<Self, EnvError> {
        const NAME: &str = "AWS_XRAY_DAEMON_ADDRESS";
        const EXPECTED: &str = "an address and a port, such as 127.0.0.1:2000";
        let percent = env.parsed("TRACE_PERCENT", 0, "a whole number from 0 to 100")?;
        if percent > 100 {
            let (name, value) = ("TRACE_PERCENT", percent.to_string());
            return Err(EnvError::Invalid { name, value, expected: "a whole number from 0 to 100" });
        }
        if percent == 0 {
            return Ok(Self::default());
        }
        let value = env.required(NAME)?;
        let invalid = || EnvError::Invalid { name: NAME, value: value.clone(), expected: EXPECTED };
        let address: SocketAddr = value.parse().map_err(|_| invalid())?;
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
            // Tracing must not delay the function: a span is lost if the daemon is busy.
            socket.set_nonblocking(true).map(|()| socket)
        });
        Ok(Self(Some(Daemon { socket: socket.map_err(|_| invalid())?, address, percent }.into())))
    }

    /// Returns whether an event is traced. Every function makes the same decision.
    #[must_use]
    pub fn traces(&self, event: EventId) -> bool {
        self.0.as_ref().is_some_and(|daemon| Sha256::digest(event.to_string())[0] % 100 < daemon.percent)
    }

    /// Emits a span that ends at `now`.
    pub fn emit(&self, span: &Span<'_>, now: Timestamp) {
        let Some(daemon) = self.0.as_ref().filter(|_| self.traces(span.event)) else { return };
        let text = format!("{DAEMON_HEADER}{}", segment_document(span, now));
        // Traces are best effort: errors are ignored.
        let _ = daemon.socket.send_to(text.as_bytes(), daemon.address);
    }
}

/// Returns the id of an event's trace.
#[must_use]
pub fn trace_id(event: EventId, received_at: Timestamp) -> String {
    format!("1-{:08x}-{:024x}", received_at.as_second(), event.as_u64())
}

/// Returns a span as a segment document: <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html>.
fn segment_document(span: &Span<'_>, now: Timestamp) -> Value {
    let trace = trace_id(span.event, span.received_at);
    let seconds = |time: Timestamp| time.as_duration().as_secs_f64();
    let mut annotations = json!({ "event_id": span.event.to_string() });
    if let Some((target, number)) = span.attempt {
        annotations["target"] = json!(target);
        annotations["attempt"] = json!(number);
    }
    let mut document = json!({
        "name": format!("tidings-{}", span.function),
        "id": span_id(&trace, span.function, span.attempt),
        "trace_id": trace,
        "start_time": seconds(span.began),
        "end_time": seconds(now.max(span.began)),
        "annotations": annotations,
    });
    let parent = match span.function {
        "fanout" => Some("ingest"),
        "deliver" => Some("fanout"),
        _ => None,
    };
    if let Some(parent) = parent {
        document["parent_id"] = json!(span_id(&trace, parent, None));
    }
    if let Some(error) = span.error {
        document["fault"] = json!(true);
        document["metadata"] = json!({ "tidings": { "error": error } });
    }
    document
}

/// Returns the id of a span. It is derived, so that the next function can name its parent.
fn span_id(trace: &str, function: &str, attempt: Option<(&str, u32)>) -> String {
    let digest = Sha256::digest(format!("{trace} {function} {attempt:?}"));
    hex::encode(&digest[..8])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn tracer(percent: &str, address: &str) -> Result<Tracer, EnvError> {
        let lookup = |name: &str| match name {
            "TRACE_PERCENT" => Some(percent.to_owned()),
            "AWS_XRAY_DAEMON_ADDRESS" => Some(address.to_owned()),
            _ => None,
        };
        Tracer::try_from_env(&Env::new(&lookup))
    }

    fn span(function: &'static str, attempt: Option<(&'static str, u32)>) -> Span<'static> {
        let time: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        Span {
            function,
            event: EventId::from_u64(0x1234_5678).unwrap(),
            received_at: time,
            began: time,
            attempt,
            error: None,
        }
    }

    #[test]
    fn the_spans_of_an_event_form_one_trace() {
        let now = "2026-11-23T12:00:00.5Z".parse().unwrap();
        let ingest = segment_document(&span("ingest", None), now);
        let fanout = segment_document(&span("fanout", None), now);
        let attempts = [1, 2].map(|number| segment_document(&span("deliver", Some(("ops", number))), now));
        assert_eq!(ingest["trace_id"], "1-6b042ac0-000000000000000012345678");
        assert!(ingest.get("parent_id").is_none() && ingest["end_time"].as_f64() > ingest["start_time"].as_f64());
        assert_eq!((&fanout["trace_id"], &fanout["parent_id"]), (&ingest["trace_id"], &ingest["id"]));
        for attempt in &attempts {
            assert_eq!((&attempt["trace_id"], &attempt["parent_id"]), (&ingest["trace_id"], &fanout["id"]));
            assert_eq!(attempt["annotations"]["event_id"], "305419896");
        }
        assert_ne!(attempts[0]["id"], attempts[1]["id"]);
    }

    #[test]
    fn spans_are_sent_to_the_daemon() {
        let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
        daemon.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let tracer = tracer("100", &daemon.local_addr().unwrap().to_string()).unwrap();
        let span = span("ingest", None);
        tracer.emit(&span, span.began);
        let mut bytes = [0; 4096];
        let length = daemon.recv(&mut bytes).unwrap();
        let text = std::str::from_utf8(&bytes[..length]).unwrap();
        let sent: Value = serde_json::from_str(text.strip_prefix(DAEMON_HEADER).unwrap()).unwrap();
        assert_eq!(sent, segment_document(&span, span.began));
    }

    #[test]
    fn sampling_matches_trace_percent() {
        let traced = |percent: &str| {
            let tracer = tracer(percent, "127.0.0.1:2000").unwrap();
            let ids = (1..=1000).filter_map(|n| EventId::from_u64(n << 20));
            ids.filter(|id| tracer.traces(*id)).count()
        };
        assert_eq!((traced("0"), traced("100")), (0, 1000));
        assert!((50..200).contains(&traced("10")), "{}", traced("10"));
    }

    #[test]
    fn an_invalid_variable_is_named() {
        for (percent, address, named) in [
            ("101", "127.0.0.1:2000", "TRACE_PERCENT"),
            ("ten", "127.0.0.1:2000", "TRACE_PERCENT"),
            ("5", "", "AWS_XRAY_DAEMON_ADDRESS"),
            ("5", "localhost", "AWS_XRAY_DAEMON_ADDRESS"),
        ] {
            let error = tracer(percent, address).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn an_invalid_variable_turns_tracing_off() {
        let lookup = |name: &str| (name == "TRACE_PERCENT").then(|| "5".to_owned());
        let tracer = Tracer::from_env(&Env::new(&lookup));
        assert!(!tracer.traces(EventId::MIN), "there is no daemon");
    }
}
