//! Installation of the tools that the project needs, under `target/`.

use std::path::PathBuf;
use std::process::Command;

use crate::process::{Result, program, root, run, target};

/// Installs the tools of the checks and of the test runner, and returns the folder of their programs.
pub(crate) fn checks() -> Result<PathBuf> {
    install("tools", "xtask/requirements.txt")
}

/// Installs the tools of the deployed stack and of the browser, and returns the folder of their programs.
pub(crate) fn deployment() -> Result<PathBuf> {
    install("venv", "infra/requirements.txt")
}

/// Creates a Python environment `target/<name>` with the pinned packages, unless it is up to date.
fn install(name: &str, requirements: &str) -> Result<PathBuf> {
    let (venv, file) = (target().join(name), root().join(requirements));
    let (installed, bin) = (venv.join("installed.txt"), venv.join("bin"));
    let pinned = std::fs::read_to_string(&file).map_err(|error| format!("{requirements}: {error}"))?;
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == pinned) {
        return Ok(bin);
    }
    let path = venv.to_string_lossy();
    let create = || program("python3", &["-m", "venv", "--clear", &path]);
    if create().status().map_or(true, |status| !status.success()) {
        install_debian_packages(&["python3", "python3-venv"])?;
        run("create a Python environment", create())?;
    }
    let pip = ["install", "--quiet", "--disable-pip-version-check", "-r", requirements];
    run(&format!("install the tools of {requirements}"), program(bin.join("pip"), &pip))?;
    std::fs::write(&installed, pinned).map_err(|error| format!("{}: {error}", installed.display()))?;
    Ok(bin)
}

/// Installs Debian packages.
pub(crate) fn install_debian_packages(packages: &[&str]) -> Result {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0\n"));
    let apt = |arguments: &[&str]| {
        if is_root { program("apt-get", arguments) } else { program("sudo", &[&["-n", "apt-get"], arguments].concat()) }
    };
    run("update the list of Debian packages", apt(&["update", "-qq"]))?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    run("install Debian packages", apt(&[&install, packages].concat()))
        .map_err(|error| format!("{error}: install {} with the package manager of your system", packages.join(", ")))
}
