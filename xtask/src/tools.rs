//! Running programs, and installing those that the project needs under `target/`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Why a step did not succeed, for the person who runs it.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable for `cargo xtask`; the package lies one folder below the workspace.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("xtask"), PathBuf::from);
    package.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A program, to be run in the workspace.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(root());
    command
}

/// Cargo itself.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments)
}

/// Runs a step, and says what it is and how long it took.
pub(crate) fn run(what: &str, mut command: Command) -> Result {
    eprintln!("==> {what}");
    let started = Instant::now();
    let status = command.status().map_err(|error| format!("{what}: cannot run {command:?}: {error}"))?;
    eprintln!("    {what}: {} s", started.elapsed().as_secs());
    if status.success() { Ok(()) } else { Err(format!("{what} failed ({status}): {command:?}")) }
}

/// How many tests passed and failed.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

/// Runs tests, shows what they print, and counts them.
pub(crate) fn run_tests(what: &str, mut command: Command) -> Result<Counts> {
    eprintln!("==> {what}");
    let started = Instant::now();
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("{what}: cannot run {command:?}: {error}"))?;
    let mut counts = Counts::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
            println!("{line}");
            counts.add(&line);
        }
    }
    let status = child.wait().map_err(|error| format!("{what}: {error}"))?;
    eprintln!("    {what}: {} s", started.elapsed().as_secs());
    if !status.success() && counts.failed == 0 {
        return Err(format!("{what} failed ({status}) before its tests ran: {command:?}"));
    }
    Ok(counts)
}

impl Counts {
    /// Adds what a line of cargo's test runner says: `test result: ok. 3 passed; 0 failed; …`.
    fn add(&mut self, line: &str) {
        // Node's runner says it in two lines.
        if let Some(passed) = line.strip_prefix("# pass ") {
            self.passed += passed.parse::<u64>().unwrap_or(0);
        } else if let Some(failed) = line.strip_prefix("# fail ") {
            self.failed += failed.parse::<u64>().unwrap_or(0);
        }
        let Some((_, counts)) = line.split_once("test result: ") else { return };
        for part in counts.split([';', '.']) {
            match part.trim().split_once(' ') {
                Some((count, "passed")) => self.passed += count.parse::<u64>().unwrap_or(0),
                Some((count, "failed")) => self.failed += count.parse::<u64>().unwrap_or(0),
                _ => {}
            }
        }
    }
}

/// A Python environment under `target/` with what `infra/requirements.txt` pins; its programs'
/// folder.
pub(crate) fn venv() -> Result<PathBuf> {
    let (venv, requirements) = (target().join("venv"), root().join("infra/requirements.txt"));
    let (installed, bin) = (venv.join("installed.txt"), venv.join("bin"));
    let wanted =
        std::fs::read_to_string(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(bin);
    }
    let path = venv.to_string_lossy();
    if program("python3", &["-m", "venv", "--clear", &path]).status().map_or(true, |status| !status.success()) {
        debian(&["python3", "python3-venv"])?;
        run("a Python environment", program("python3", &["-m", "venv", "--clear", &path]))?;
    }
    let requirements = requirements.to_string_lossy();
    let pip = ["install", "--quiet", "--disable-pip-version-check", "-r", &requirements];
    run("the tools that infra/requirements.txt pins", program(bin.join("pip"), &pip))?;
    std::fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))?;
    Ok(bin)
}

/// Packages of Debian, where the machine lacks what is in them.
pub(crate) fn debian(packages: &[&str]) -> Result {
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0\n"));
    let apt = |arguments: &[&str]| {
        if root { program("apt-get", arguments) } else { program("sudo", &[&["-n", "apt-get"], arguments].concat()) }
    };
    run("the list of Debian's packages", apt(&["update", "-qq"]))?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    run("Debian's packages", apt(&[&install, packages].concat()))
        .map_err(|error| format!("{error}: install {} by the means of your system", packages.join(", ")))
}
