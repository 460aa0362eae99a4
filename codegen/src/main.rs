//! `codegen`: checks schemas and writes pages about them.

use std::process::ExitCode;

use clap::Parser;
use codegen::check::cli::Schemas;

/// Checks schemas and writes pages about them.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Schemas,
}

fn main() -> ExitCode {
    Cli::parse().command.run()
}
