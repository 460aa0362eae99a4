//! The web UI in a real browser.

use std::path::{Path, PathBuf};

use crate::tools::{Counts, Result, cargo, debian, program, root, run, run_tests, target, venv};

/// Chromium, by the names that it has.
const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Runs the tests in `tests/browser`; screenshots are under `target/screenshots`.
pub(crate) fn browser() -> Result<Counts> {
    run("the local stack for the browser", cargo(&["build", "--workspace", "--bin", "tidings"]))?;
    let (chromium, bin) = (installed()?, venv()?);
    modules(&bin)?;
    let mut tests: Vec<String> = std::fs::read_dir(root().join("tests/browser"))
        .map_err(|error| format!("tests/browser: {error}"))?
        .filter_map(|entry| Some(entry.ok()?.path().to_string_lossy().into_owned()))
        .filter(|path| path.ends_with(".test.mjs"))
        .collect();
    tests.sort();
    // One file after the other: each has a stack and a browser of its own.
    let mut arguments = vec!["--test", "--test-concurrency=1", "--test-reporter=tap"];
    arguments.extend(tests.iter().map(String::as_str));
    let mut node = program(bin.join("node"), &arguments);
    node.env("CHROMIUM", chromium).env("TIDINGS_TARGET", target());
    run_tests("the web UI", node)
}

/// Where Chromium is; where it is missing, it comes from Debian.
fn installed() -> Result<PathBuf> {
    if find(&CHROMIUM).is_none() {
        debian(&["chromium"])?;
    }
    find(&CHROMIUM).ok_or_else(|| format!("none of {} is on the path", CHROMIUM.join(", ")))
}

/// The first of these programs that is on the path.
fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file())
}

/// What drives the browser, as `tests/browser/package-lock.json` pins it, under `target/browser`.
fn modules(bin: &Path) -> Result {
    let folder = target().join("browser");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for name in ["package.json", "package-lock.json"] {
        let (from, to) = (root().join("tests/browser").join(name), folder.join(name));
        std::fs::copy(&from, &to).map_err(|error| format!("{}: {error}", to.display()))?;
    }
    let mut install = program(bin.join("npm"), &["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    install.current_dir(&folder);
    run("what drives the browser", install)
}
