//! Runs of the tests under harder conditions than in CI.

use std::process::{Child, Command, Stdio};

use crate::process::{Result, cargo, run};
use crate::test_run::run_nextest;

/// Number of processes that compete with the tests for the processors.
const BUSY_LOOPS: usize = 8;

/// Processes that use all processor time that they get. They end with this value.
struct BusyLoops(Vec<Child>);

impl BusyLoops {
    fn start() -> Result<Self> {
        let mut loops = Self(Vec::with_capacity(BUSY_LOOPS));
        for _ in 0..BUSY_LOOPS {
            let started = Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn();
            loops.0.push(started.map_err(|error| format!("failed to start a busy loop: {error}"))?);
        }
        Ok(loops)
    }
}

impl Drop for BusyLoops {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // A loop that has ended already needs no further action.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs the Rust tests beside busy loops: no test may depend on the speed of the machine.
pub(crate) fn run_loaded() -> Result {
    run("build the tests", cargo(&["test", "--workspace", "--no-run", "--quiet"]))?;
    let loops = BusyLoops::start()?;
    let counts = run_nextest("run the tests beside busy loops", "loaded", &["--workspace"])?;
    drop(loops);
    counts.finish()
}

/// Runs the simulation with the seeds of `range`, such as `0..2000`.
pub(crate) fn run_simulation(range: &str) -> Result {
    let mut simulation =
        cargo(&["test", "--release", "--package", "tidings", "--test", "simulation", "--", "--nocapture"]);
    simulation.env("SIMULATION_SEEDS", range);
    run("simulate the functions", simulation)
}
