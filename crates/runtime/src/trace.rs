//! Traces: what each function did with an event, as segments of one X-Ray trace.
//!
//! The stream and the queues between the functions carry no trace, so the event itself names it: the trace's id is the
//! second in which the event was received and the event's id
//! (<https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html>). Every function finds it without being told,
//! and so does who looks for it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use events::EventId;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::env::{Env, EnvError};

/// What stands before a segment that is sent to the daemon.
const HEADER: &str = "{\"format\":\"json\",\"version\":1}\n";

/// Sends segments of traces to X-Ray's daemon, which Lambda runs beside a function.
#[derive(Debug, Clone, Default)]
pub struct Tracer(Option<Arc<Daemon>>);

#[derive(Debug)]
struct Daemon {
    socket: UdpSocket,
    address: SocketAddr,
    percent: u8,
}

/// What a function did with an event.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The function.
    pub function: &'static str,
    /// The event.
    pub event: EventId,
    /// When it came in.
    pub received_at: Timestamp,
    /// When the function began with it; it ends now.
    pub began: Timestamp,
    /// The target, where it is an attempt, and the attempt's number.
    pub attempt: Option<(&'a str, u32)>,
    /// What went wrong.
    pub error: Option<&'a str>,
}

impl Tracer {
    /// Reads how many of a hundred events are traced (`TRACE_PERCENT`, 0 where it is not set), and where the daemon
    /// is (`AWS_XRAY_DAEMON_ADDRESS`, which Lambda sets).
    ///
    /// # Errors
    /// Where a variable is wrong, or missing.
    pub fn from_env(env: &Env<'_>) -> Result<Self, EnvError> {
        const NAME: &str = "AWS_XRAY_DAEMON_ADDRESS";
        const EXPECTED: &str = "an address and a port, as 127.0.0.1:2000";
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
            // A daemon that is busy loses a segment; nothing waits for it.
            socket.set_nonblocking(true).map(|()| socket)
        });
        Ok(Self(Some(Daemon { socket: socket.map_err(|_| invalid())?, address, percent }.into())))
    }

    /// Whether this event is traced: the same for each function.
    #[must_use]
    pub fn traces(&self, event: EventId) -> bool {
        self.0.as_ref().is_some_and(|daemon| Sha256::digest(event.to_string())[0] % 100 < daemon.percent)
    }

    /// Tells of a step that ends now.
    pub fn tell(&self, step: &Step<'_>, now: Timestamp) {
        let Some(daemon) = self.0.as_ref().filter(|_| self.traces(step.event)) else { return };
        let text = format!("{HEADER}{}", segment(step, now));
        // A trace is no record: what cannot be sent is left out.
        let _ = daemon.socket.send_to(text.as_bytes(), daemon.address);
    }
}

/// The id of an event's trace.
#[must_use]
pub fn trace_id(event: EventId, received_at: Timestamp) -> String {
    format!("1-{:08x}-{:024x}", received_at.as_second(), event.as_u64())
}

/// A segment: <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html>.
fn segment(step: &Step<'_>, now: Timestamp) -> Value {
    let trace = trace_id(step.event, step.received_at);
    let seconds = |time: Timestamp| time.as_duration().as_secs_f64();
    let mut annotations = json!({ "event_id": step.event.to_string() });
    if let Some((target, number)) = step.attempt {
        annotations["target"] = json!(target);
        annotations["attempt"] = json!(number);
    }
    let mut segment = json!({
        "name": format!("tidings-{}", step.function),
        "id": segment_id(&trace, step.function, step.attempt),
        "trace_id": trace,
        "start_time": seconds(step.began),
        "end_time": seconds(now.max(step.began)),
        "annotations": annotations,
    });
    let before = match step.function {
        "fanout" => Some("ingest"),
        "deliver" => Some("fanout"),
        _ => None,
    };
    if let Some(before) = before {
        segment["parent_id"] = json!(segment_id(&trace, before, None));
    }
    if let Some(error) = step.error {
        segment["fault"] = json!(true);
        segment["metadata"] = json!({ "tidings": { "error": error } });
    }
    segment
}

/// What a segment is called: the function after it must know it without being told.
fn segment_id(trace: &str, function: &str, attempt: Option<(&str, u32)>) -> String {
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
        Tracer::from_env(&Env::new(&lookup))
    }

    fn step(function: &'static str, attempt: Option<(&'static str, u32)>) -> Step<'static> {
        let time: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        Step {
            function,
            event: EventId::from_u64(0x1234_5678).unwrap(),
            received_at: time,
            began: time,
            attempt,
            error: None,
        }
    }

    #[test]
    fn the_functions_segments_hang_together() {
        let now = "2026-11-23T12:00:00.5Z".parse().unwrap();
        let ingest = segment(&step("ingest", None), now);
        let fanout = segment(&step("fanout", None), now);
        let attempts = [1, 2].map(|number| segment(&step("deliver", Some(("ops", number))), now));
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
    fn segments_reach_the_daemon() {
        let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
        daemon.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let tracer = tracer("100", &daemon.local_addr().unwrap().to_string()).unwrap();
        let step = step("ingest", None);
        tracer.tell(&step, step.began);
        let mut bytes = [0; 4096];
        let length = daemon.recv(&mut bytes).unwrap();
        let text = std::str::from_utf8(&bytes[..length]).unwrap();
        let sent: Value = serde_json::from_str(text.strip_prefix(HEADER).unwrap()).unwrap();
        assert_eq!(sent, segment(&step, step.began));
    }

    #[test]
    fn so_many_of_a_hundred_are_traced() {
        let traced = |percent: &str| {
            let tracer = tracer(percent, "127.0.0.1:2000").unwrap();
            let ids = (1..=1000).filter_map(|n| EventId::from_u64(n << 20));
            ids.filter(|id| tracer.traces(*id)).count()
        };
        assert_eq!((traced("0"), traced("100")), (0, 1000));
        assert!((50..200).contains(&traced("10")), "{}", traced("10"));
    }

    #[test]
    fn what_is_wrong_is_named() {
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
}
