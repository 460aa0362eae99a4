//! The round trip: examples and generated events are parsed into the Rust types and written again.
//!
//! Rust types must be compiled before they can be tested. This check compiles the `events` crate with
//! the types of the folder and runs its tests, which apply to every catalog.

use std::path::Path;
use std::process::Command;

use super::finding::Finding;

/// Filter for the tests of the `events` crate that apply to every catalog.
const TEST_FILTER: &str = "every_schema::";

/// Generates and compiles the types of `folder`, and runs the round-trip tests on them.
pub(super) fn check_round_trip(folder: &Path) -> Result<Vec<Finding>, String> {
    let no_cargo = "the round trip needs cargo: run it in a clone of Tidings with \
                    `cargo run -p codegen -- check --round-trip`";
    let cargo = std::env::var_os("CARGO").ok_or(no_cargo)?;
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    if !entries.flatten().any(|entry| entry.path().join("catalog.json").is_file()) {
        return Err(format!(
            "{} contains no catalogs, so there are no Rust types to test: omit --round-trip",
            folder.display()
        ));
    }
    let folder = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    let output = Command::new(cargo)
        .args(["test", "--quiet", "--package", "events", "--lib", "--", TEST_FILTER])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TIDINGS_SCHEMAS", &folder)
        .env("RUST_BACKTRACE", "0")
        .output()
        .map_err(|error| format!("failed to run cargo: {error}"))?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    if !printed.contains("test result: FAILED") {
        return Err(format!("failed to compile the types:\n{printed}"));
    }
    Ok(panic_messages(&printed).map(|message| Finding::error("round-trip", "", "", message)).collect())
}

/// Returns the panic messages of the failed tests.
fn panic_messages(printed: &str) -> impl Iterator<Item = String> + '_ {
    // A panic in a scoped thread is followed by a second one, which has no information.
    let messages = printed.split("panicked at ").skip(1).filter(|text| !text.contains("a scoped thread panicked"));
    messages.map(|text| {
        text.lines()
            .skip(1)
            .take_while(|line| !line.is_empty() && !line.starts_with("note:"))
            .collect::<Vec<_>>()
            .join("\n    ")
    })
}
