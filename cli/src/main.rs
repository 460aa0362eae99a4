//! `tidings`: the whole system in one process.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use local::{dev, openapi, reshard};

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
    /// Make a token and its SHA-256, for the template's parameter ManageKeySha256.
    ///
    /// The token is the deployment's first manage key: keep it, it is stored nowhere. The template
    /// gets the SHA-256.
    Token,
    /// Check schemas, compare them with earlier versions, and write reference pages for them.
    #[command(subcommand)]
    Schemas(codegen::check::cli::SchemasCommand),
    /// Print the API's document (OpenAPI 3.1), which is kept as openapi.json
    Openapi,
    Reshard(reshard::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Dev(args) => dev::run(args).await,
        Command::Token => token(),
        Command::Schemas(command) => return command.run(),
        Command::Openapi => openapi::print(),
        Command::Reshard(args) => reshard::run(args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidings: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn token() -> anyhow::Result<()> {
    let token = web::token::generate()?;
    println!("token   {token}");
    println!("sha256  {}", web::token::sha256(&token));
    Ok(())
}
