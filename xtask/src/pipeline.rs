//! The checks and tests that a change must pass.

use crate::audit::audit;
use crate::browser::run_browser_tests;
use crate::functions::build_functions;
use crate::process::{Result, cargo, output_of, program, root, run, target};
use crate::prose;
use crate::sbom::write_sboms;
use crate::test_run::{TestCounts, run_doctests, run_nextest};
use crate::tools;

/// Runs all checks and tests.
pub(crate) fn run_all() -> Result {
    run_static_checks()?;
    // The tests of the web UI use the local stack that the Rust tests built.
    let mut counts = run_rust_tests("ci")? + run_browser_tests()?;
    let templates = ["infra/template.yaml", "infra/edge.yaml"];
    run("check the templates", program(tools::deployment()?.join("cfn-lint"), &templates))?;
    let mut parse = program(tools::deployment()?.join("hcl2tojson"), &["--quiet", "--output"]);
    parse.arg(target().join("terraform"));
    parse.args(["main.tf", "outputs.tf", "variables.tf"].map(|file| root().join("infra/terraform").join(file)));
    run("parse the Terraform module", parse)?;
    audit(false)?;
    write_sboms()?;
    build_functions()?;
    counts = counts + run_nextest("test the deployed stack", "deployed", &["--workspace", "--test", "deployed"])?;
    counts.finish()
}

/// Runs all checks and tests except those of the browser and of the deployed stack.
pub(crate) fn run_quick() -> Result {
    run_static_checks()?;
    run_rust_tests("quick")?.finish()
}

fn run_static_checks() -> Result {
    run("check the format", cargo(&["fmt", "--all", "--check"]))?;
    check_texts()?;
    check_workflows()?;
    run("run Clippy", cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut docs = cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    run("build the documentation", docs)
}

/// Runs the Rust tests, and the checks that use the programs which were built for them.
fn run_rust_tests(profile: &str) -> Result<TestCounts> {
    let counts =
        run_nextest("run the tests", profile, &["--workspace"])? + run_doctests("run the examples in doc comments")?;
    check_schemas()?;
    Ok(counts)
}

/// Checks spelling and banned phrases.
pub(crate) fn check_texts() -> Result {
    run("check the spelling", program(tools::checks()?.join("typos"), &["--hidden"]))?;
    eprintln!("==> check for banned phrases");
    prose::check(&[])
}

/// Checks the GitHub workflows for security problems, without network access.
pub(crate) fn check_workflows() -> Result {
    let zizmor = tools::checks()?.join("zizmor");
    run("check the workflows", program(zizmor, &["--offline", "--no-progress", "--quiet", ".github"]))
}

/// Checks that the schemas and the API's document are valid and compatible with the last release, with the `codegen`
/// that was built for its tests: Cargo would build it with other features of its dependencies.
fn check_schemas() -> Result {
    let tags = program("git", &["describe", "--tags", "--abbrev=0", "--match", "v*"]);
    let release = output_of(tags).ok().map(|tag| tag.trim().to_owned());
    for (step, path) in [("check the schemas", "schemas"), ("check the API's document", "openapi.json")] {
        let mut check = program(target().join("debug/codegen"), &["check", path]);
        if let Some(release) = &release {
            check.args(["--against", release]);
        }
        run(step, check)?;
    }
    Ok(())
}
