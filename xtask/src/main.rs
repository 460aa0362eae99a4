//! The project's own commands: `cargo xtask <command>`.

mod browser;
mod ci;
mod cost;
mod prose;
mod supply;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
The project's own commands.

    cargo xtask test     everything: format, lints, unit tests, the local stack, the web UI in a browser,
                         the template, the deployed stack; installs what it needs under target/
    cargo xtask quick    the same without the browser and the deployed stack: what to run before each commit
    cargo xtask browser  the web UI in Chromium; screenshots are under target/screenshots
    cargo xtask lambda   the six functions as zips, as they are deployed
    cargo xtask bench    the benchmarks, printed as ratios
    cargo xtask fuzz     anything at all sent to the ingest function, for five minutes
    cargo xtask cost     what Tidings costs on AWS, from what the tests measured; --help says more
    cargo xtask audit    licences, sources, bans and known holes of what we depend on; where RustSec's list cannot
                         be had it says so, and fails with --advisories
    cargo xtask prose    banned phrases in comments, pages, texts of the API and of the UI, and names of tests; below
                         the paths that are given, or everywhere
    cargo xtask sbom     what is in each function, as CycloneDX under target/sbom";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let done = match command.as_deref() {
        Some("test") => ci::test(),
        Some("quick") => ci::quick(),
        Some("browser") => ci::web_ui(),
        Some("lambda") => ci::lambda(),
        Some("bench") => ci::bench(),
        Some("fuzz") => ci::fuzz(),
        Some("cost") => cost::run(&std::env::args().skip(2).collect::<Vec<_>>()),
        Some("audit") => supply::audit(std::env::args().nth(2).as_deref() == Some("--advisories")),
        Some("prose") => prose::check(&std::env::args().skip(2).collect::<Vec<_>>()),
        Some("sbom") => supply::sbom(),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
