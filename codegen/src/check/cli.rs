//! The commands of `codegen` and `tidings schemas`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::docs;
use super::folder_check::{CheckOptions, check_schemas};
use super::report::Report;
use super::report_format::{format_github, format_json, format_text};
use super::round_trip::check_round_trip;
use crate::catalog_file::CompatibilityLevel;

/// The schema commands.
#[derive(Debug, Subcommand)]
pub enum SchemasCommand {
    /// Check a folder of schemas: lint, samples, and changes since another version.
    ///
    /// The exit status is 0 if there are no errors, 1 if there are errors, and 2 if the check could
    /// not run.
    Check(CheckArgs),
    /// Write a reference page for every type, with its description, fields and examples.
    Docs(DocsArgs),
}

/// Arguments of `docs`.
#[derive(Debug, Args)]
pub struct DocsArgs {
    /// Folder of the schemas: the folder of all catalogs, or any folder of JSON Schemas.
    #[arg(default_value = "schemas")]
    folder: PathBuf,
    /// Folder for the pages.
    #[arg(long, default_value = "target/schema-docs")]
    out: PathBuf,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Folder of the schemas: the folder of all catalogs, of one catalog, or any folder of JSON
    /// Schemas. For an OpenAPI document, requests must stay backward compatible and responses
    /// forward compatible.
    #[arg(default_value = "schemas", value_name = "FOLDER|OPENAPI.json")]
    folder: PathBuf,
    /// Compare with this Git revision of the folder, or with another folder.
    #[arg(long, value_name = "REVISION|FOLDER")]
    against: Option<String>,
    /// Required compatibility of changes. The default is that of each catalog.json, or else backward.
    #[arg(long)]
    level: Option<CompatibilityLevel>,
    /// Require an upper bound for every string and array, whatever catalog.json says.
    #[arg(long)]
    bounded: bool,
    /// Also generate the Rust types, and send examples and generated events through them. For
    /// catalogs only; needs cargo and a clone of Tidings.
    #[arg(long)]
    round_trip: bool,
    /// Output format.
    #[arg(long, default_value = "text")]
    format: OutputFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// Human-readable text.
    Text,
    /// JSON for tools.
    Json,
    /// Annotations in a GitHub workflow.
    Github,
}

impl SchemasCommand {
    /// Runs the command and returns the exit status.
    pub fn run(&self) -> ExitCode {
        match self {
            Self::Check(args) => args.run(),
            Self::Docs(args) => args.run(),
        }
    }
}

impl DocsArgs {
    fn run(&self) -> ExitCode {
        if !self.folder.is_dir() {
            return fail(&format!("{} is not a folder: pass the folder of the schemas", self.folder.display()));
        }
        match docs::write_pages(&self.folder, &self.out) {
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

impl CheckArgs {
    fn run(&self) -> ExitCode {
        let options = CheckOptions { against: self.against.as_deref(), level: self.level, bounded: self.bounded };
        let mut report = match check_schemas(&self.folder, &options) {
            Ok(report) => report,
            Err(message) => return fail(&message),
        };
        // Types can only be generated from schemas without errors.
        if self.round_trip && report.is_clean() {
            match check_round_trip(&report.folder) {
                Ok(findings) => report.findings.extend(findings),
                Err(message) => return fail(&message),
            }
        }
        // A closed pipe is not an error: the reader, such as `head`, has read enough.
        if let Err(error) = self.print(&report)
            && error.kind() != std::io::ErrorKind::BrokenPipe
        {
            return fail(&format!("failed to write the report: {error}"));
        }
        if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn print(&self, report: &Report) -> std::io::Result<()> {
        let mut out = anstream::stdout().lock();
        match self.format {
            OutputFormat::Text => out.write_all(format_text(report).as_bytes()),
            OutputFormat::Json => out.write_all(format_json(report).as_bytes()),
            OutputFormat::Github => {
                out.write_all(format_github(report).as_bytes())?;
                out.write_all(format_text(report).as_bytes())
            }
        }
    }
}

/// Reports that the command could not run.
fn fail(message: &str) -> ExitCode {
    eprintln!("schemas: {message}");
    ExitCode::from(2)
}
