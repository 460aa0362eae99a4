//! The `tidings` program: parses the command line and runs the command.
//!
//! Only arguments and their help texts belong here. The commands are in the libraries `local` and `codegen`.

mod args;

use std::process::ExitCode;

use clap::Parser;
use local::{backup, dev, openapi, reshard};

use args::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Dev(args) => dev::run(args.into()).await,
        Command::Token => print_token(),
        Command::Schemas(command) => return command.run(),
        Command::Openapi => openapi::print_document(),
        Command::Reshard(args) => reshard::run(args.into()).await,
        Command::Backup(args) => backup::run(&args.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidings: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn print_token() -> anyhow::Result<()> {
    let token = web::token::generate()?;
    println!("token   {token}");
    println!("sha256  {}", web::token::sha256(&token));
    Ok(())
}
