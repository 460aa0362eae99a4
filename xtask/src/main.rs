//! Development commands: `cargo xtask <command>`.

mod audit;
mod bench;
mod browser;
mod commits;
mod cost;
#[cfg(test)]
mod documentation;
mod functions;
mod latency;
mod pipeline;
mod process;
mod prose;
mod sbom;
mod stress;
mod test_run;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Development commands of Tidings. They install the tools that they need under target/.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 120)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all checks and tests, including the browser and the deployed stack
    Test,
    /// Run the checks and tests without the browser and the deployed stack; use it before each commit
    Quick,
    /// Run the Rust tests beside eight busy loops
    Loaded,
    /// Simulate the functions with faults
    Simulate {
        /// Seeds, such as 0..2000
        seeds: String,
    },
    /// Test the web UI in Chromium; screenshots are saved in target/screenshots
    Browser,
    /// Build the six functions as zips in target/lambda
    Lambda,
    /// Run the benchmarks, which print ratios
    Bench,
    /// Send random requests to the ingest function for five minutes, and compare random schemas
    Fuzz {
        /// Seeds of the pairs of schemas, such as 10000..20000
        #[arg(default_value = "0..10000")]
        seeds: String,
    },
    /// Calculate the cost of Tidings on AWS from the units that the tests measured
    Cost(cost::CostArguments),
    /// Predict the latency on AWS from published distributions
    Latency,
    /// Check licences, sources, bans and security advisories of the dependencies
    Audit {
        /// Fail if the list of advisories cannot be downloaded
        #[arg(long)]
        advisories: bool,
    },
    /// Write an SBOM of each function (`CycloneDX`) to target/sbom
    Sbom,
    /// Find banned phrases in comments, pages, API texts, the UI and names of tests
    Prose {
        /// Print only the number of phrases in each folder, and succeed
        #[arg(long)]
        summary: bool,
        /// Files and folders; everything by default
        paths: Vec<String>,
    },
    /// Check spelling and banned phrases
    Texts,
    /// Check the GitHub workflows for security problems
    Workflows,
    /// Check that commit subjects have the form `area: summary`
    Commits {
        /// First commit that is not checked, such as origin/main
        base: String,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Test => pipeline::run_all(),
        Command::Quick => pipeline::run_quick(),
        Command::Loaded => stress::run_loaded(),
        Command::Simulate { seeds } => stress::run_simulation(&seeds),
        Command::Browser => browser::build_local_stack()
            .and_then(|()| browser::run_browser_tests())
            .and_then(test_run::TestCounts::finish),
        Command::Lambda => functions::build_functions(),
        Command::Bench => bench::run_benchmarks(),
        Command::Fuzz { seeds } => bench::fuzz(&seeds),
        Command::Cost(arguments) => cost::run(&arguments),
        Command::Latency => {
            latency::run();
            Ok(())
        }
        Command::Audit { advisories } => audit::audit(advisories),
        Command::Sbom => sbom::write_sboms(),
        Command::Prose { summary: true, paths } => prose::summarize(&paths),
        Command::Prose { summary: false, paths } => prose::check(&paths),
        Command::Texts => pipeline::check_texts(),
        Command::Workflows => pipeline::check_workflows(),
        Command::Commits { base } => commits::check_commits(&base),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
