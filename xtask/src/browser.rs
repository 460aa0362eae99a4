//! Tests of the web UI in Chromium.

use std::path::{Path, PathBuf};

use crate::process::{Result, cargo, program, root, run, target};
use crate::test_run::{TestCounts, run_node};
use crate::tools;

/// Names of Chromium's program.
const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Builds the local stack for [`run_browser_tests`].
pub(crate) fn build_local_stack() -> Result {
    run("build the local stack", cargo(&["build", "--workspace", "--bin", "tidings"]))
}

/// Runs the tests in `tests/browser` on the built local stack; screenshots are under `target/screenshots`.
pub(crate) fn run_browser_tests() -> Result<TestCounts> {
    let (chromium, bin) = (find_or_install_chromium()?, tools::deployment()?);
    install_node_modules(&bin)?;
    let mut tests: Vec<PathBuf> = std::fs::read_dir(root().join("tests/browser"))
        .map_err(|error| format!("tests/browser: {error}"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    tests.sort();
    let mut node = program(bin.join("node"), &[]);
    node.env("CHROMIUM", chromium).env("TIDINGS_TARGET", target());
    run_node("test the web UI", node, &tests)
}

/// Returns the path of Chromium. On Debian, installs it if it is missing.
fn find_or_install_chromium() -> Result<PathBuf> {
    if find_program(&CHROMIUM).is_none() {
        tools::install_debian_packages(&["chromium"])?;
    }
    find_program(&CHROMIUM).ok_or_else(|| format!("Chromium not found: install one of {}", CHROMIUM.join(", ")))
}

/// Returns the first of these programs that is on the search path.
fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file())
}

/// Installs the packages of `tests/browser/package-lock.json` under `target/browser`.
fn install_node_modules(bin: &Path) -> Result {
    let folder = target().join("browser");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for name in ["package.json", "package-lock.json"] {
        let (from, to) = (root().join("tests/browser").join(name), folder.join(name));
        std::fs::copy(&from, &to).map_err(|error| format!("{}: {error}", to.display()))?;
    }
    let mut install = program(bin.join("npm"), &["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    install.current_dir(&folder);
    run("install the packages of tests/browser", install)
}
