//! What `tidings dev` shows while it runs: one line for each thing that happens.

use std::fmt::{self, Write};
use std::io::IsTerminal;

use jiff::Zoned;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

/// Shows what the functions log on standard error, filtered by `RUST_LOG`.
pub(crate) fn start() {
    let default = "warn,dynoxide=error,tidings=info,ingest=debug,fanout=info,deliver=info";
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let color = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(color)
        .event_format(Line { color })
        .with_writer(std::io::stderr)
        .init();
}

/// `12:30:01.123  delivered  event=… target=…`
struct Line {
    color: bool,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = Text::default();
        event.record(&mut text);
        let (on, off) = match *event.metadata().level() {
            _ if !self.color => ("", ""),
            Level::ERROR => ("\x1b[31m", "\x1b[0m"),
            Level::WARN => ("\x1b[33m", "\x1b[0m"),
            _ => ("\x1b[32m", "\x1b[0m"),
        };
        let now = Zoned::now().strftime("%H:%M:%S%.3f").to_string();
        writeln!(out, "{now}  {on}{:<19}{off}{}", text.message, text.fields)
    }
}

/// An event's message, and its fields one after the other.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, &format_args!("{}", value.escape_debug()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format_args!("{value:?}"));
    }
}

impl Text {
    fn add(&mut self, field: &Field, value: &fmt::Arguments<'_>) {
        match field.name() {
            "message" => self.message = value.to_string(),
            name => {
                // Writing into a String cannot fail.
                let _ = write!(self.fields, " {name}={value}");
            }
        }
    }
}
