//! The commands, as `codegen` and `tidings schemas` have them.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::round_trip::round_trip;
use super::{Options, Report, check, docs, print};
use crate::rules::Level;

/// What to do with schemas.
#[derive(Debug, Subcommand)]
pub enum Schemas {
    /// Check a folder of schemas: well made, samples, and changes since another version.
    ///
    /// The exit status is 0 where nothing must be mended, 1 where something must, and 2 where the
    /// check could not be made.
    Check(Check),
    /// Write pages about every type: what it means, its fields, its examples.
    Docs(Docs),
}

/// What to write pages about.
#[derive(Debug, Args)]
pub struct Docs {
    /// The folder: of all catalogs, or any folder with JSON Schemas.
    #[arg(default_value = "schemas")]
    folder: PathBuf,
    /// Where the pages go.
    #[arg(long, default_value = "target/schema-docs")]
    out: PathBuf,
}

/// What to check.
#[derive(Debug, Args)]
pub struct Check {
    /// The folder: of all catalogs, of one, or any folder with JSON Schemas. Or an OpenAPI document,
    /// of which requests must stay backward compatible, and answers forward compatible.
    #[arg(default_value = "schemas", value_name = "FOLDER|OPENAPI.json")]
    folder: PathBuf,
    /// Compare with this git revision of the folder, or with another folder.
    #[arg(long, value_name = "REVISION|FOLDER")]
    against: Option<String>,
    /// Which changes are allowed. Without it, what each catalog.json says, or else backward.
    #[arg(long)]
    level: Option<Level>,
    /// Ask for an upper bound of every string and array, whatever catalog.json says.
    #[arg(long)]
    bounded: bool,
    /// Also generate the Rust types and send examples, and events made from the schemas, through
    /// them. For catalogs; needs cargo, in a clone of Tidings.
    #[arg(long)]
    round_trip: bool,
    /// How to print what is found.
    #[arg(long, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For tools.
    Json,
    /// Annotations in a GitHub workflow.
    Github,
}

impl Schemas {
    /// Does it, and says with what exit status to end.
    pub fn run(&self) -> ExitCode {
        match self {
            Self::Check(args) => args.run(),
            Self::Docs(args) => args.run(),
        }
    }
}

impl Docs {
    fn run(&self) -> ExitCode {
        if !self.folder.is_dir() {
            return could_not(&format!("{} is no folder: give the one that holds the schemas", self.folder.display()));
        }
        match docs::write(&self.folder, &self.out) {
            Ok(pages) => {
                println!("{pages} pages: {}", self.out.join("index.html").display());
                ExitCode::SUCCESS
            }
            Err(problems) => {
                eprintln!("{problems}");
                ExitCode::FAILURE
            }
        }
    }
}

impl Check {
    fn run(&self) -> ExitCode {
        let options = Options { against: self.against.as_deref(), level: self.level, bounded: self.bounded };
        let mut report = match check(&self.folder, &options) {
            Ok(report) => report,
            Err(message) => return could_not(&message),
        };
        // Types can only be made of schemas that are in order.
        if self.round_trip && report.is_clean() {
            match round_trip(&report.folder) {
                Ok(findings) => report.findings.extend(findings),
                Err(message) => return could_not(&message),
            }
        }
        // Who stops reading has read enough.
        if let Err(error) = self.print(&report)
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            return could_not(&format!("the report cannot be written: {error}"));
        }
        if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn print(&self, report: &Report) -> std::io::Result<()> {
        let mut out = anstream::stdout().lock();
        match self.format {
            Format::Text => out.write_all(print::text(report).as_bytes()),
            Format::Json => out.write_all(print::json(report).as_bytes()),
            Format::Github => {
                out.write_all(print::github(report).as_bytes())?;
                out.write_all(print::text(report).as_bytes())
            }
        }
    }
}

fn could_not(message: &str) -> ExitCode {
    eprintln!("schemas: {message}");
    ExitCode::from(2)
}
