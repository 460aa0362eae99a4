//! The `codegen` program: checks schemas and writes reference pages for them.

use std::process::ExitCode;

use clap::Parser;
use codegen::check::cli::SchemasCommand;

/// Checks schemas and writes reference pages for them.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: SchemasCommand,
}

fn main() -> ExitCode {
    Cli::parse().command.run()
}
