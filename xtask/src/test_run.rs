//! Running tests and counting their results.

use std::io::{BufRead, BufReader};
use std::ops::Add;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::process::{Result, cargo, print_duration, root, run, with_path};
use crate::tools;

/// Numbers of tests that passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TestCounts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Add for TestCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

impl TestCounts {
    /// Prints the counts as the closing line of a command, and fails if any test failed.
    pub(crate) fn finish(self) -> Result {
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 { Ok(()) } else { Err(format!("{} tests failed", self.failed)) }
    }
}

/// Runs Rust tests with nextest. `profile` is one of `.config/nextest.toml`.
pub(crate) fn run_nextest(step: &str, profile: &str, arguments: &[&str]) -> Result<TestCounts> {
    let junit = root().join("target/nextest").join(profile).join("junit.xml");
    // The report of an earlier run must not be counted.
    let _ = std::fs::remove_file(&junit);
    let nextest = [&["nextest", "run", "--profile", profile], arguments].concat();
    let status = run(step, with_path(cargo(&nextest), &tools::checks()?));
    let counts = std::fs::read_to_string(&junit).ok().and_then(|report| count_junit(&report)).unwrap_or_default();
    match status {
        // A failed test is counted; anything else that fails, such as a build, is an error.
        Err(error) if counts.failed == 0 => Err(error),
        _ => Ok(counts),
    }
}

/// Runs the examples in doc comments, which nextest does not support.
pub(crate) fn run_doctests(step: &str) -> Result<TestCounts> {
    run_and_count(step, cargo(&["test", "--workspace", "--doc", "--quiet", "--no-fail-fast"]), count_libtest_line)
}

/// Runs tests with Node.js. `node` is its program, and `tests` are files.
pub(crate) fn run_node(step: &str, mut node: Command, tests: &[impl AsRef<Path>]) -> Result<TestCounts> {
    // One file at a time: each starts its own stack and its own browser.
    node.args(["--test", "--test-concurrency=1", "--test-reporter=tap"]).args(tests.iter().map(AsRef::as_ref));
    run_and_count(step, node, count_tap_line)
}

/// Runs a test program, prints its output, and adds up the counts of its lines.
fn run_and_count(step: &str, mut command: Command, count: fn(&str) -> TestCounts) -> Result<TestCounts> {
    eprintln!("==> {step}");
    let started = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{step}: failed to run {command:?}: {error}"))?;
    let mut counts = TestCounts::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
            println!("{line}");
            counts = counts + count(&line);
        }
    }
    let status = child.wait().map_err(|error| format!("{step}: {error}"))?;
    print_duration(step, started);
    if !status.success() && counts.failed == 0 {
        return Err(format!("{step} failed ({status}) before its tests ran: {command:?}"));
    }
    Ok(counts)
}

/// Counts the tests of a `JUnit` report: `<testsuites name="…" tests="5" failures="1" errors="0" …>`.
fn count_junit(report: &str) -> Option<TestCounts> {
    let (_, suites) = report.split_once("<testsuites ")?;
    let (attributes, _) = suites.split_once('>')?;
    let number = |name: &str| {
        let (_, value) = attributes.split_once(&format!("{name}=\""))?;
        value.split('"').next()?.parse::<u64>().ok()
    };
    let failed = number("failures")? + number("errors")?;
    Some(TestCounts { passed: number("tests")?.saturating_sub(failed), failed })
}

/// Counts a summary line of Rust's test harness: `test result: ok. 3 passed; 0 failed; …`.
fn count_libtest_line(line: &str) -> TestCounts {
    let mut counts = TestCounts::default();
    if let Some((_, summary)) = line.split_once("test result: ") {
        for part in summary.split([';', '.']) {
            match part.trim().split_once(' ') {
                Some((count, "passed")) => counts.passed = count.parse().unwrap_or(0),
                Some((count, "failed")) => counts.failed = count.parse().unwrap_or(0),
                _ => {}
            }
        }
    }
    counts
}

/// Counts a summary line of the Test Anything Protocol: `# pass 3` or `# fail 0`.
fn count_tap_line(line: &str) -> TestCounts {
    let count = |prefix: &str| line.strip_prefix(prefix).and_then(|count| count.parse().ok()).unwrap_or(0);
    TestCounts { passed: count("# pass "), failed: count("# fail ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junit_reports_are_counted() {
        let report = "<?xml version=\"1.0\"?>\n<testsuites name=\"nextest-run\" tests=\"5\" failures=\"1\" errors=\"1\" \
                      uuid=\"x\"><testsuite name=\"a\" tests=\"9\" failures=\"9\">";
        assert_eq!(count_junit(report), Some(TestCounts { passed: 3, failed: 2 }));
        assert_eq!(count_junit("<html>"), None);
    }

    #[test]
    fn summary_lines_are_counted() {
        let libtest = count_libtest_line("test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured");
        assert_eq!(libtest, TestCounts { passed: 3, failed: 2 });
        let tap: TestCounts =
            ["# pass 4", "# fail 1", "ok 1 - a"].into_iter().map(count_tap_line).fold(TestCounts::default(), Add::add);
        assert_eq!(tap, TestCounts { passed: 4, failed: 1 });
    }
}
