//! What the commands do, step by step.

use std::process::Command;

use crate::browser::browser;
use crate::supply::{audit, sbom};
use crate::tools::{Counts, Result, cargo, program, run, run_tests, target, venv};

/// The functions, as they are deployed: one program each.
const FUNCTIONS: [&str; 6] = ["ingest", "query", "manage", "fanout", "deliver", "pack"];

/// Everything.
pub(crate) fn test() -> Result {
    let mut counts = sum(checks_and_tests()?, browser()?);
    let bin = venv()?;
    run("cfn-lint", program(bin.join("cfn-lint"), &["infra/template.yaml"]))?;
    audit(false)?;
    sbom()?;
    lambda()?;
    counts = sum(counts, run_tests("the deployed stack", cargo(&["test", "--workspace", "--test", "deployed"]))?);
    finish(counts)
}

/// The web UI in a browser.
pub(crate) fn web_ui() -> Result {
    finish(browser()?)
}

/// Everything but the browser and the deployed stack.
pub(crate) fn quick() -> Result {
    finish(checks_and_tests()?)
}

fn checks_and_tests() -> Result<Counts> {
    run("format", cargo(&["fmt", "--all", "--check"]))?;
    run("lints", cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut docs = cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    run("documentation", docs)?;
    schemas()?;
    run_tests("tests", cargo(&["test", "--workspace", "--no-fail-fast"]))
}

/// The schemas and the API's document: well made, and compatible with the last release.
fn schemas() -> Result {
    let release = program("git", &["describe", "--tags", "--abbrev=0", "--match", "v*"]).output();
    let release = release.ok().filter(|found| found.status.success());
    let release = release.map(|found| String::from_utf8_lossy(&found.stdout).trim().to_owned());
    for (what, checked) in [("schemas", "schemas"), ("the API's document", "openapi.json")] {
        let mut check = cargo(&["run", "--quiet", "--package", "codegen", "--", "check", checked]);
        if let Some(release) = &release {
            check.args(["--against", release]);
        }
        run(what, check)?;
    }
    Ok(())
}

/// The six functions as zips under `target/lambda/<function>/bootstrap.zip`.
pub(crate) fn lambda() -> Result {
    let bin = venv()?;
    run("the functions", with_path(cargo(&["lambda", "build", "--profile", "lambda"]), &bin))?;
    for function in FUNCTIONS {
        let zip = target().join("lambda").join(function).join("bootstrap.zip");
        let size = std::fs::metadata(&zip).map_err(|error| format!("{}: {error}", zip.display()))?.len();
        eprintln!("    {function}: {} KB", size / 1000);
    }
    Ok(())
}

/// The benchmarks.
pub(crate) fn bench() -> Result {
    // As it is deployed: the ratio is about code that is optimised throughout.
    let as_deployed = ["bench", "--profile", "lambda", "--package"];
    run("reading an event", cargo(&[&as_deployed[..], &["events"]].concat()))?;
    run("posting events", cargo(&[&as_deployed[..], &["e2e", "--bench", "post"]].concat()))?;
    run("the function as a process", cargo(&["bench", "--package", "e2e", "--bench", "cold_start"]))?;
    run("the local stack", cargo(&["bench", "--package", "tidings", "--benches"]))
}

/// Anything at all, sent to the ingest function.
pub(crate) fn fuzz() -> Result {
    let mut fuzz = cargo(&["test", "--package", "ingest", "--lib", "--", "fuzz", "--nocapture"]);
    fuzz.env("FUZZ_SECONDS", "300");
    run("requests of every form", fuzz)
}

/// The command with the environment's programs on its path: cargo finds `cargo-lambda` there.
fn with_path(mut command: Command, bin: &std::path::Path) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(bin.to_owned()).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(paths) {
        command.env("PATH", path);
    }
    command
}

fn sum(a: Counts, b: Counts) -> Counts {
    Counts { passed: a.passed + b.passed, failed: a.failed + b.failed }
}

/// The closing line, which says whether everything passed.
fn finish(counts: Counts) -> Result {
    println!("{} passed, {} failed", counts.passed, counts.failed);
    if counts.failed == 0 { Ok(()) } else { Err(format!("{} tests failed", counts.failed)) }
}
