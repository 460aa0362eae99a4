//! `tidings`: the whole system in one process.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tidings::dev;

/// Tidings: a serverless event log.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { command: Command::Dev(args) } = Cli::parse();
    match dev::run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidings: {error:#}");
            ExitCode::FAILURE
        }
    }
}
