//! How every function logs: JSON lines, and metrics that `CloudWatch` reads out of them.

use std::fmt;

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{Format, FormatEvent, FormatFields, Json, JsonFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::env::EnvError;

/// The `target` of log events whose numbers are metrics.
///
/// Such an event has a field `function`, which with the stack's name (`STACK_NAME`) is the metrics' dimensions; its
/// numbers are metrics, and its texts go along. A name that ends in `_ms` is in milliseconds, one in `_bytes` in bytes, others
/// are counts.
pub const METRICS: &str = "metrics";

/// Logs as JSON lines on standard output, filtered by `RUST_LOG` (default `info`).
///
/// # Errors
/// Where `RUST_LOG` is no filter.
pub fn log_as_json() -> Result<(), EnvError> {
    let filter = filter(&std::env::var("RUST_LOG").unwrap_or_default())?;
    let lines = Lines::new(std::env::var("STACK_NAME").unwrap_or_default());
    tracing_subscriber::fmt().fmt_fields(JsonFields::new()).event_format(lines).with_env_filter(filter).init();
    Ok(())
}

/// What passes: metrics do in any case, since alarms that get none of them stay silent.
fn filter(asked: &str) -> Result<EnvFilter, EnvError> {
    let expected = "a level, and others for modules, as info,store=debug";
    let invalid = || EnvError::Invalid { name: "RUST_LOG", value: asked.to_owned(), expected };
    // Where it is no level, the filter takes it for the name of a module.
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let is_known = |part: &str| part.contains('=') || levels.contains(&part.to_ascii_lowercase().as_str());
    let asked = if asked.is_empty() { "info" } else { asked };
    if !asked.split(',').all(is_known) {
        return Err(invalid());
    }
    let metrics = format!("{asked},{METRICS}=info");
    EnvFilter::builder().parse(metrics).map_err(|_| invalid())
}

/// JSON lines; metrics in `CloudWatch`'s embedded metric format
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
struct Lines {
    format: Format<Json>,
    /// Two stacks of one account have metrics of their own.
    stack: String,
}

impl Lines {
    fn new(stack: String) -> Self {
        // Without the module that a line comes from: it would stand under `target`, which is a webhook's here.
        Self { format: tracing_subscriber::fmt::format().json().flatten_event(true).with_target(false), stack }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.metadata().target() != METRICS {
            return self.format.format_event(context, out, event);
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(span) = context.lookup_current()
            && let Some(said) = span.extensions().get::<FormattedFields<N>>()
            && let Ok(said) = serde_json::from_str::<Value>(said)
        {
            fields.0.insert("request".to_owned(), said);
        }
        writeln!(out, "{}", embedded(fields.0, &self.stack, jiff::Timestamp::now().as_millisecond()))
    }
}

/// The line for these fields, at a time in milliseconds since 1970.
fn embedded(mut fields: Map<String, Value>, stack: &str, time: i64) -> Value {
    let unit = |name: &str| match name.rsplit('_').next() {
        Some("ms") => "Milliseconds",
        Some("bytes") => "Bytes",
        _ => "Count",
    };
    let metrics: Vec<Value> = fields
        .iter()
        .filter(|(_, value)| value.is_number())
        .map(|(name, _)| json!({ "Name": name, "Unit": unit(name) }))
        .collect();
    let described = json!([{ "Namespace": "Tidings", "Dimensions": [["stack", "function"]], "Metrics": metrics }]);
    fields.insert("stack".to_owned(), stack.into());
    fields.insert("_aws".to_owned(), json!({ "Timestamp": time, "CloudWatchMetrics": described }));
    Value::Object(fields)
}

/// An event's fields as JSON.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Where the lines go in the test.
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
    fn metrics_pass_any_filter() {
        for (asked, says_info) in [("", true), ("info", true), ("WARN", false), ("store=debug", false), ("off", false)]
        {
            let written = Written::default();
            let to = written.clone();
            let subscriber = tracing_subscriber::fmt()
                .fmt_fields(JsonFields::new())
                .event_format(Lines::new("log".to_owned()))
                .with_env_filter(filter(asked).unwrap())
                .with_writer(move || to.clone())
                .finish();
            tracing::subscriber::with_default(subscriber, || {
                tracing::info!(target: METRICS, function = "ingest", not_kept = 1, "ingested");
                tracing::info!(target: "ingest", "as ever");
            });
            let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            assert!(written.contains("\"not_kept\":1"), "{asked}: {written}");
            assert_eq!(written.contains("as ever"), says_info, "{asked}");
        }
    }

    #[test]
    fn what_is_no_filter_is_named() {
        for asked in ["inof", "info,warning", "store=loud", "info,"] {
            let error = filter(asked).expect_err(asked).to_string();
            assert!(error.contains("RUST_LOG is"), "{error}");
        }
    }

    #[test]
    fn metrics_are_one_line_that_cloudwatch_reads() {
        let written = Written::default();
        let to = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(JsonFields::new())
            .event_format(Lines::new("log".to_owned()))
            .with_writer(move || to.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let _request = tracing::info_span!("request", id = "r1").entered();
            tracing::info!(target: METRICS, function = "ingest", stored = 3, write_units = 4.5, body_bytes = 10, "ingested");
            tracing::info!(target = "audit", "as ever");
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
        assert_eq!((lines.len(), &lines[1]["message"]), (2, &json!("as ever")));
    }
}
