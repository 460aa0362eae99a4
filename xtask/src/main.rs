//! The project's own commands: `cargo xtask <command>`.

mod ci;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
The project's own commands.

    cargo xtask test     everything: format, lints, unit tests, the local stack, the template, the
                         deployed stack; installs what it needs under target/
    cargo xtask quick    the same without the deployed stack: what to run before each commit
    cargo xtask lambda   the six functions as zips, as they are deployed
    cargo xtask bench    the benchmarks, printed as ratios
    cargo xtask fuzz     anything at all sent to the ingest function, for five minutes";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let done = match command.as_deref() {
        Some("test") => ci::test(),
        Some("quick") => ci::quick(),
        Some("lambda") => ci::lambda(),
        Some("bench") => ci::bench(),
        Some("fuzz") => ci::fuzz(),
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
