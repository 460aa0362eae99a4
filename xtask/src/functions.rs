//! Building the Lambda functions.

use crate::process::{Result, cargo, run, target, with_path};
use crate::tools;

/// Names of the functions, which are also the names of their programs.
const FUNCTIONS: [&str; 6] = ["ingest", "query", "manage", "fanout", "deliver", "pack"];

/// Builds the functions as `target/lambda/<function>/bootstrap.zip`, and prints their sizes.
pub(crate) fn build_functions() -> Result {
    let bin = tools::deployment()?;
    run("build the functions", with_path(cargo(&["lambda", "build", "--profile", "lambda"]), &bin))?;
    for function in FUNCTIONS {
        let zip = target().join("lambda").join(function).join("bootstrap.zip");
        let size = std::fs::metadata(&zip).map_err(|error| format!("{}: {error}", zip.display()))?.len();
        eprintln!("    {function}: {} KB", size / 1000);
    }
    Ok(())
}
