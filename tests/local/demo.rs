//! The terminal output of `tidings dev --demo`, which README.md and docs/tour.md quote.

use std::collections::{HashMap, HashSet};
use std::process::Stdio;

use e2e::{MAX_WAIT, dev_command};
use tokio::io::{AsyncBufReadExt, BufReader};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidings");

/// Length of the time at the start of a line: `12:30:01.123`.
const TIME_LENGTH: usize = 12;

/// Width of the message in a line.
const MESSAGE_WIDTH: usize = 19;

#[tokio::test]
async fn demo_prints_each_step_of_an_event() {
    let data = tempfile::tempdir().expect("a folder for the data");
    let mut command = dev_command(PROGRAM, data.path(), "0");
    let command = command.arg("--demo").env_remove("RUST_LOG").stderr(Stdio::piped());
    let mut process = command.spawn().expect("the tidings program");
    let mut lines = BufReader::new(process.stderr.take().expect("standard error")).lines();
    let mut steps: HashMap<String, HashSet<String>> = HashMap::new();
    let expected = [
        "stored event source type",
        "received webhook bytes",
        "delivered event target=demo attempt=1 code=204 attempt_ms",
    ];
    let read = async {
        // On a busy machine, an attempt may time out, and the lines of many events mix. One event with all steps is enough.
        while let Some(line) = lines.next_line().await.expect("a line") {
            let (event, step) = parse(&line);
            let steps = steps.entry(event).or_default();
            steps.insert(step);
            if expected.iter().all(|step| steps.contains(*step)) {
                return;
            }
        }
        panic!("the process ended");
    };
    let read = tokio::time::timeout(MAX_WAIT, read).await;
    assert!(read.is_ok(), "no event has the steps {expected:?}: {steps:#?}");
}

/// Splits a line into the event's id and the step, without the values that differ between runs.
fn parse(line: &str) -> (String, String) {
    let (time, rest) = line.split_at(TIME_LENGTH);
    assert!(time.bytes().all(|byte| byte.is_ascii_digit() || b":.".contains(&byte)), "{line}");
    let (message, fields) = rest.strip_prefix("  ").expect(line).split_at(MESSAGE_WIDTH);
    let fields: Vec<(&str, &str)> = fields.split_whitespace().filter_map(|field| field.split_once('=')).collect();
    let event = match fields.first() {
        Some(("event", id)) => *id,
        Some(("webhook", id)) => id.split('_').nth(1).expect("an event's id"),
        _ => "",
    };
    let constant = ["target", "attempt", "code"];
    let fields = fields
        .iter()
        .map(|(name, value)| if constant.contains(name) { format!(" {name}={value}") } else { format!(" {name}") });
    (event.to_owned(), format!("{}{}", message.trim_end(), fields.collect::<String>()))
}
