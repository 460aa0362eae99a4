//! A test of the commands that pages and workflows name.

use clap::Parser;

use crate::Arguments;
use crate::process::{output_of, program, root};

/// Files that may name commands.
const PATTERNS: [&str; 6] = ["*.md", "*.yml", "*.yaml", "justfile", ".ci/run", "*.toml"];

#[test]
fn named_commands_exist() {
    let arguments = [&["ls-files", "--cached", "--others", "--exclude-standard", "--"], &PATTERNS[..]].concat();
    let files = output_of(program("git", &arguments)).unwrap();
    let mut checked = 0;
    for file in files.lines() {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        for (number, command) in commands(&text) {
            let words = std::iter::once("cargo xtask").chain(command.split_whitespace());
            if let Err(error) = Arguments::try_parse_from(words) {
                let is_help = error.kind() == clap::error::ErrorKind::DisplayHelp;
                assert!(is_help, "{file}:{number}: `cargo xtask {command}`: {error}");
            }
            checked += 1;
        }
    }
    assert!(checked >= 10, "only {checked} commands were found");
}

/// Returns the arguments of each `cargo xtask` that is a command in code, with its line.
fn commands(text: &str) -> Vec<(usize, String)> {
    let mut commands = Vec::new();
    let mut is_block = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_block = !is_block;
        }
        let spans = line.split('`').skip(1).step_by(2);
        let steps = line.trim().trim_start_matches("- ").trim_start_matches("run: ").trim_start_matches("exec ");
        let found = spans.chain((is_block || !line.contains('`')).then_some(steps));
        for code in found {
            // Variables are set before a command; a comment follows two spaces.
            let code =
                code.trim_start_matches(|c: char| c.is_ascii_uppercase() || "_=".contains(c) || c.is_ascii_digit());
            if let Some(arguments) = code.trim_start().strip_prefix("cargo xtask ") {
                let arguments = arguments.split(['#', '&', '|', '{', '$', '"']).next().unwrap_or_default().trim();
                let is_placeholder = arguments.contains('<') || arguments.is_empty();
                let ends_with_variable = code.contains('$') || code.contains('{');
                if !is_placeholder && !ends_with_variable {
                    commands.push((index + 1, arguments.to_owned()));
                }
            }
        }
    }
    commands
}

#[test]
fn commands_are_found() {
    let text = "`cargo xtask quick` and `A=1 cargo xtask test`.\n```sh\ncargo xtask cost --json  # comment\n```\n- run: cargo xtask audit --advisories\n";
    let found: Vec<String> = commands(text).into_iter().map(|(_, command)| command).collect();
    assert_eq!(found, ["quick", "test", "cost --json", "audit --advisories"]);
}
