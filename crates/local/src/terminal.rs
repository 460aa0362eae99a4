//! The log lines that `tidings dev` prints while it runs: one for each step of an event.

use std::fmt::{self, Write};
use std::io::IsTerminal;

use jiff::Zoned;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

/// The filter if `RUST_LOG` is not set. At `debug`, ingest logs each stored event and deliver each attempt.
const DEFAULT_FILTER: &str = "warn,dynoxide=error,local=info,ingest=debug,fanout=info,deliver=debug";

/// Prints the functions' log lines on standard error, filtered by `RUST_LOG`.
pub(crate) fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let has_color = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(has_color)
        .event_format(LineFormat { has_color })
        .with_writer(std::io::stderr)
        .init();
}

/// Formats a log event as one line: `12:30:01.123  delivered           event=… target=…`.
struct LineFormat {
    has_color: bool,
}

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = LineFields::default();
        event.record(&mut line);
        let (color, reset) = match *event.metadata().level() {
            _ if !self.has_color => ("", ""),
            Level::ERROR => ("\x1b[31m", "\x1b[0m"),
            Level::WARN => ("\x1b[33m", "\x1b[0m"),
            _ => ("\x1b[32m", "\x1b[0m"),
        };
        let now = Zoned::now().strftime("%H:%M:%S%.3f").to_string();
        writeln!(out, "{now}  {color}{:<19}{reset}{}", line.message, line.fields)
    }
}

/// The message of a log event, and its other fields as ` name=value`.
#[derive(Default)]
struct LineFields {
    message: String,
    fields: String,
}

impl Visit for LineFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, &format_args!("{}", value.escape_debug()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format_args!("{value:?}"));
    }
}

impl LineFields {
    fn add(&mut self, field: &Field, value: &fmt::Arguments<'_>) {
        match field.name() {
            "message" => self.message = value.to_string(),
            name => {
                // Writing to a String cannot fail.
                let _ = write!(self.fields, " {name}={value}");
            }
        }
    }
}
