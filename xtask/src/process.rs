//! Running programs in the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The result of a step. The error is a message for the person who runs the command.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// Returns the workspace's folder.
pub(crate) fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).parent().unwrap_or_else(|| Path::new(".")).to_path_buf()
}

/// Returns Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Prepares a program to run in the workspace's folder.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(root());
    command
}

/// Prepares Cargo to run.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments)
}

/// Adds a folder to the front of a program's search path, so that Cargo finds its subcommands there.
pub(crate) fn with_path(mut command: Command, folder: &Path) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    if let Ok(path) = std::env::join_paths(folders) {
        command.env("PATH", path);
    }
    command
}

/// Runs a step, and prints its name and duration.
pub(crate) fn run(step: &str, mut command: Command) -> Result {
    eprintln!("==> {step}");
    let started = Instant::now();
    let status = command.status().map_err(|error| format!("{step}: failed to run {command:?}: {error}"))?;
    print_duration(step, started);
    if status.success() { Ok(()) } else { Err(format!("{step} failed ({status}): {command:?}")) }
}

/// Prints the time that a step took.
pub(crate) fn print_duration(step: &str, started: Instant) {
    eprintln!("    {step}: {} s", started.elapsed().as_secs());
}

/// Runs a program and returns its standard output.
pub(crate) fn output_of(mut command: Command) -> Result<String> {
    let output = command.output().map_err(|error| format!("failed to run {command:?}: {error}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} failed ({}): {stderr}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{command:?}: {error}"))
}
