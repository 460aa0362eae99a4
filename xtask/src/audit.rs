//! Checks of the dependencies: licences, sources, bans and advisories.

use crate::process::{Result, program, run};
use crate::tools;

/// Checks the dependencies against `deny.toml` and `RustSec`'s advisories. If the advisories cannot be downloaded, prints
/// a warning, or fails if `is_required`.
pub(crate) fn audit(is_required: bool) -> Result {
    let deny = tools::deployment()?.join("cargo-deny");
    let checks = ["--locked", "check", "licenses", "bans", "sources"];
    run("check licences, bans and sources of dependencies", program(&deny, &checks))?;
    eprintln!("==> check advisories");
    let output = program(&deny, &["--locked", "check", "advisories"])
        .output()
        .map_err(|error| format!("failed to run {}: {error}", deny.display()))?;
    let report = String::from_utf8_lossy(&output.stderr);
    eprint!("{report}");
    if output.status.success() {
        return Ok(());
    }
    if !report.contains("failed to fetch advisory database") {
        return Err("advisories affect the dependencies: see the report above".to_owned());
    }
    let unreachable = "advisories were NOT CHECKED: failed to download RustSec's database";
    if is_required {
        return Err(unreachable.to_owned());
    }
    eprintln!("    {unreachable}");
    Ok(())
}
