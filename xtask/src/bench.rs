//! Benchmarks and fuzzing.

use crate::process::{Result, cargo, run};

/// Runs the benchmarks.
pub(crate) fn run_benchmarks() -> Result {
    // The ratios of these two compare code with the optimisation of a deployed function.
    let deployed = ["bench", "--profile", "lambda", "--package"];
    run("benchmark the acceptance of events", cargo(&[&deployed[..], &["events"]].concat()))?;
    run("benchmark ingest", cargo(&[&deployed[..], &["e2e", "--bench", "post"]].concat()))?;
    run("benchmark cold starts", cargo(&["bench", "--package", "e2e", "--bench", "cold_start"]))?;
    run("benchmark the local stack", cargo(&["bench", "--package", "tidings", "--benches"]))
}

/// Sends random requests to the ingest function for five minutes, and searches wrong verdicts on the pairs of schemas of
/// these seeds.
pub(crate) fn fuzz(seeds: &str) -> Result {
    let mut fuzz = cargo(&["test", "--package", "ingest", "--lib", "--", "fuzz", "--nocapture"]);
    fuzz.env("FUZZ_SECONDS", "300");
    run("fuzz the ingest function", fuzz)?;
    let mut fuzz = cargo(&["test", "--release", "--package", "codegen", "--lib", "--", "fuzz", "--nocapture"]);
    fuzz.env("FUZZ_SCHEMA_SEEDS", seeds);
    run("fuzz the comparison of schemas", fuzz)
}
