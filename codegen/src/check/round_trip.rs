//! Examples, and events made from the schemas, through the Rust types and back.
//!
//! What typify makes of a schema is known once it is compiled, so the events crate is: its tests
//! find catalogs by themselves, and hold whatever folder it was generated from to the same.

use std::path::Path;
use std::process::Command;

use super::finding::Finding;

/// The tests of the events crate that are about schemas, not about one catalog.
const TESTS: &str = "every_schema::";

/// Generates and compiles the types of `folder`, and runs the tests on them.
pub(super) fn round_trip(folder: &Path) -> Result<Vec<Finding>, String> {
    let no_cargo = "the round trip compiles the types: run it in a clone of Tidings, as \
                    `cargo run -p codegen -- check --round-trip`";
    let cargo = std::env::var_os("CARGO").ok_or(no_cargo)?;
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    if !entries.flatten().any(|entry| entry.path().join("catalog.json").is_file()) {
        return Err(format!(
            "{} has no catalogs, of which Rust types are made: leave --round-trip out",
            folder.display()
        ));
    }
    let folder = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    let output = Command::new(cargo)
        .args(["test", "--quiet", "--package", "events", "--lib", "--", TESTS])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("TIDINGS_SCHEMAS", &folder)
        .env("RUST_BACKTRACE", "0")
        .output()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    if !printed.contains("test result: FAILED") {
        return Err(format!("the types cannot be compiled:\n{printed}"));
    }
    Ok(panics(&printed).map(|message| Finding::error("round-trip", "", "", message)).collect())
}

/// What the failed tests said.
fn panics(printed: &str) -> impl Iterator<Item = String> + '_ {
    // A thread of a test says it, and then the test says that it did.
    let said = printed.split("panicked at ").skip(1).filter(|text| !text.contains("a scoped thread panicked"));
    said.map(|text| {
        text.lines()
            .skip(1)
            .take_while(|line| !line.is_empty() && !line.starts_with("note:"))
            .collect::<Vec<_>>()
            .join("\n    ")
    })
}
