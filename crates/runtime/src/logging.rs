//! Logging in JSON lines.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::JsonFields;

use crate::emf::{JsonLines, METRICS_TARGET};
use crate::env::EnvError;

/// Crates that may log at `trace`: they never log payloads or secrets.
const OWN_CRATES: [&str; 13] = [
    "deliver", "events", "fanout", "ingest", "manage", "model", "pack", "query", "runtime", "search", "store", "web",
    "webhook",
];

/// The `target` of the span of an invocation, whose field `requestId` is Lambda's request ID.
const INVOCATION_SPAN_TARGET: &str = "lambda_runtime::layers::trace";

/// Logs JSON lines to standard output, filtered by `RUST_LOG` (default `info`).
///
/// # Errors
/// `RUST_LOG` is not a valid filter.
pub fn init_logging() -> Result<(), EnvError> {
    let filter = parse_filter(&std::env::var("RUST_LOG").unwrap_or_default())?;
    let lines = JsonLines::new(std::env::var("STACK_NAME").unwrap_or_default());
    tracing_subscriber::fmt().fmt_fields(JsonFields::new()).event_format(lines).with_env_filter(filter).init();
    Ok(())
}

/// Parses a log filter. Metrics always pass it, because alarms without metrics stay silent.
fn parse_filter(filter: &str) -> Result<EnvFilter, EnvError> {
    let expected = "a level, optionally with levels of modules, such as info,store=debug";
    let invalid = || EnvError::Invalid { name: "RUST_LOG", value: filter.to_owned(), expected };
    // EnvFilter takes an unknown level for the name of a module.
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let is_known = |part: &str| part.contains('=') || levels.contains(&part.to_ascii_lowercase().as_str());
    let directives = if filter.is_empty() { "info" } else { filter };
    if !directives.split(',').all(is_known) {
        return Err(invalid());
    }
    let filter = format!("{},{METRICS_TARGET}=info,{INVOCATION_SPAN_TARGET}=info", cap_trace(directives));
    EnvFilter::builder().parse(filter).map_err(|_| invalid())
}

/// Restricts the level `trace` to our own crates. At `trace`, the AWS SDKs and HTTP libraries log whole requests, with
/// payloads, hashes of tokens and addresses of targets.
fn cap_trace(directives: &str) -> String {
    let is_trace = |level: &str| level.eq_ignore_ascii_case("trace") || level == "5";
    let is_own = |module: &str| OWN_CRATES.contains(&module.split(':').next().unwrap_or_default());
    let capped = directives.split(',').map(|directive| match directive.rsplit_once('=') {
        None if is_trace(directive) => {
            let own = OWN_CRATES.map(|name| format!("{name}=trace")).join(",");
            format!("debug,{own}")
        }
        Some((module, level)) if is_trace(level) && !is_own(module) => format!("{module}=debug"),
        _ => directive.to_owned(),
    });
    capped.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;

    /// A buffer for the log lines of a test.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn metrics_pass_every_filter() {
        for (asked, says_info) in [("", true), ("info", true), ("WARN", false), ("store=debug", false), ("off", false)]
        {
            let written = Written::default();
            let to = written.clone();
            let subscriber = tracing_subscriber::fmt()
                .fmt_fields(JsonFields::new())
                .event_format(JsonLines::new("log".to_owned()))
                .with_env_filter(parse_filter(asked).unwrap())
                .with_writer(move || to.clone())
                .finish();
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(target: METRICS_TARGET, function = "ingest", not_kept = 1, "ingested");
                tracing::info!(target: "ingest", "a log line");
            });
            let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            assert!(written.contains("\"not_kept\":1"), "{asked}: {written}");
            assert_eq!(written.contains("a log line"), says_info, "{asked}");
        }
    }

    #[test]
    fn libraries_do_not_log_at_trace() {
        for asked in ["trace", "info,aws_smithy_runtime=trace", "aws_smithy_runtime::client=TRACE,store=trace", "h2=5"]
        {
            let written = Written::default();
            let to = written.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_env_filter(parse_filter(asked).unwrap())
                .with_writer(move || to.clone())
                .finish();
            tracing::subscriber::with_default(subscriber, || {
                tracing::trace!(target: "aws_smithy_runtime::client", "payload");
                tracing::trace!(target: "h2", "payload");
                tracing::trace!(target: "store::event_table", "a step");
            });
            let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            assert!(!written.contains("payload"), "{asked}: {written}");
            assert_eq!(
                written.contains("a step"),
                asked.contains("store=trace") || asked == "trace",
                "{asked}: {written}"
            );
        }
    }

    #[test]
    fn lines_have_the_ids_of_the_invocation_and_of_the_request() {
        let written = Written::default();
        let to = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines::new("log".to_owned()))
            .with_env_filter(parse_filter("warn").unwrap())
            .with_writer(move || to.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let _invocation = tracing::info_span!(target: INVOCATION_SPAN_TARGET, "invoke", requestId = "i1").entered();
            let _request = tracing::warn_span!("request", id = "r1").entered();
            tracing::info!(target: METRICS_TARGET, function = "ingest", stored = 1, "ingested");
            tracing::warn!("a log line");
        });
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["request"], json!({ "requestId": "i1", "id": "r1" }));
        let ids: Vec<&Value> = lines[1]["spans"].as_array().unwrap().iter().map(|span| &span["requestId"]).collect();
        assert_eq!(ids, [&json!("i1"), &Value::Null], "{written}");
    }

    #[test]
    fn an_invalid_filter_is_named() {
        for asked in ["inof", "info,warning", "store=loud", "info,"] {
            let error = parse_filter(asked).expect_err(asked).to_string();
            assert!(error.contains("RUST_LOG is"), "{error}");
        }
    }

    #[test]
    fn metrics_are_logged_in_the_embedded_metric_format() {
        let written = Written::default();
        let to = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines::new("log".to_owned()))
            .with_writer(move || to.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let _request = tracing::info_span!("request", id = "r1").entered();
            tracing::info!(target: METRICS_TARGET, function = "ingest", stored = 3, write_units = 4.5, body_bytes = 10, "ingested");
            tracing::info!(target = "audit", "a log line");
        });
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.matches("\"target\"").count(), 1, "{written}");
        let lines: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let described = &lines[0]["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(described["Dimensions"], json!([["stack", "function"]]));
        assert_eq!(lines[0]["stack"], "log");
        let metrics = [
            json!({ "Name": "stored", "Unit": "Count" }),
            json!({ "Name": "write_units", "Unit": "Count" }),
            json!({ "Name": "body_bytes", "Unit": "Bytes" }),
        ];
        for metric in &metrics {
            assert!(described["Metrics"].as_array().unwrap().contains(metric), "{described}");
        }
        assert_eq!(described["Metrics"].as_array().unwrap().len(), metrics.len());
        assert_eq!((&lines[0]["write_units"], &lines[0]["request"]["id"]), (&json!(4.5), &json!("r1")));
        assert_eq!((lines.len(), &lines[1]["message"]), (2, &json!("a log line")));
    }
}
