//! Metrics in log lines, in the embedded metric format of `CloudWatch`.

use std::fmt;

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{Format, FormatEvent, FormatFields, Json, Writer};
use tracing_subscriber::registry::LookupSpan;

/// The `target` of log events that carry metrics.
///
/// Such an event has a field `function`. The function and the name of the stack (`STACK_NAME`) are the dimensions of
/// its metrics. Every numeric field is a metric, and text fields are logged with it. The unit is milliseconds for
/// names that end in `_ms`, bytes for names that end in `_bytes`, and a count for all others.
pub const METRICS_TARGET: &str = "metrics";

/// Formats log events as JSON lines, and metrics in the `CloudWatch` embedded metric format
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>).
pub(crate) struct JsonLines {
    format: Format<Json>,
    /// Name of the stack: a dimension that separates the metrics of several stacks in one account.
    stack: String,
}

impl JsonLines {
    pub(crate) fn new(stack: String) -> Self {
        // The name of the module is omitted: its field `target` would clash with the name of a webhook target.
        Self { format: tracing_subscriber::fmt::format().json().flatten_event(true).with_target(false), stack }
    }
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.metadata().target() != METRICS_TARGET {
            return self.format.format_event(context, out, event);
        }
        let mut fields = JsonObject::default();
        event.record(&mut fields);
        // The span of the invocation has Lambda's request ID, and the span of an HTTP request its own.
        let mut request = Map::new();
        for span in context.event_scope().into_iter().flatten().collect::<Vec<_>>().into_iter().rev() {
            if let Some(formatted) = span.extensions().get::<FormattedFields<N>>()
                && let Ok(Value::Object(members)) = serde_json::from_str(formatted)
            {
                request.extend(members);
            }
        }
        if !request.is_empty() {
            fields.0.insert("request".to_owned(), request.into());
        }
        writeln!(out, "{}", metric_line(fields.0, &self.stack, jiff::Timestamp::now().as_millisecond()))
    }
}

/// Returns the line for the fields of a metrics event at `time`, in milliseconds since 1970.
fn metric_line(mut fields: Map<String, Value>, stack: &str, time: i64) -> Value {
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
    let directives = json!([{ "Namespace": "Tidings", "Dimensions": [["stack", "function"]], "Metrics": metrics }]);
    fields.insert("stack".to_owned(), stack.into());
    fields.insert("_aws".to_owned(), json!({ "Timestamp": time, "CloudWatchMetrics": directives }));
    Value::Object(fields)
}

/// The fields of a log event as a JSON object.
#[derive(Default)]
struct JsonObject(Map<String, Value>);

impl JsonObject {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for JsonObject {
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
