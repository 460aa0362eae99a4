//! `cargo xtask prose`: checks the texts of the project against the phrases that `docs/style.md` bans.

mod allowed;
mod banned;
mod check;
mod markup;
mod passage;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use crate::process::{Result, output_of, program, root};
use allowed::{EXCEPTIONS, FOREIGN};
use check::{Checker, Finding};
use passage::Passage;
use source::Language;

/// Fails if a file below `paths` (any file if there are none) contains a banned phrase. Prints each phrase as
/// `file:line: "phrase" → replacement`, and the number of phrases in each folder.
pub(crate) fn check(paths: &[String]) -> Result {
    let findings = find_phrases(paths)?;
    for (file, Finding { line, phrase, instead }) in &findings {
        println!("{file}:{line}: \"{phrase}\" → {instead}");
    }
    print_counts(&findings);
    if findings.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} banned phrases: rewrite them as docs/style.md describes, or list an exception in xtask/src/prose/allowed.rs",
        findings.len()
    ))
}

/// Prints the number of banned phrases in each folder.
pub(crate) fn summarize(paths: &[String]) -> Result {
    print_counts(&find_phrases(paths)?);
    Ok(())
}

/// Returns the banned phrases of all files below `paths`, with the file of each.
fn find_phrases(paths: &[String]) -> Result<Vec<(String, Finding)>> {
    let checker = Checker::new().map_err(|error| format!("xtask/src/prose/banned.rs: {error}"))?;
    let mut all = Vec::new();
    for file in files(paths)? {
        let Ok(text) = std::fs::read_to_string(root().join(&file)) else { continue };
        let mut findings: Vec<Finding> =
            passages(&file, &text).into_iter().flat_map(|passage| checker.check(&passage.without_code())).collect();
        findings.retain(|finding| !is_allowed(&file, &finding.phrase));
        findings.sort_by_key(|finding| finding.line);
        all.extend(findings.into_iter().map(|finding| (file.clone(), finding)));
    }
    Ok(all)
}

fn print_counts(findings: &[(String, Finding)]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (file, _) in findings {
        *counts.entry(folder(file)).or_default() += 1;
    }
    for (folder, count) in counts {
        eprintln!("{count:>6}  {folder}");
    }
}

/// The files of the repository below `paths`, tracked or not yet.
fn files(paths: &[String]) -> Result<Vec<String>> {
    let mut list = program("git", &["ls-files", "--cached", "--others", "--exclude-standard", "--"]);
    list.args(paths);
    let mut files: Vec<String> = output_of(list)?
        .lines()
        .filter(|file| !FOREIGN.iter().any(|foreign| file.starts_with(foreign)))
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

fn passages(file: &str, text: &str) -> Vec<Passage> {
    let path = Path::new(file);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("rs") => source::passages(text, Language::Rust),
        Some("js" | "mjs") => source::passages(text, Language::JavaScript),
        Some("css") => source::passages(text, Language::Css),
        Some("md") => markup::markdown(text),
        Some("yaml" | "yml") => markup::hash_comments(text, true),
        Some("toml" | "sh" | "py" | "txt") => markup::hash_comments(text, false),
        None if text.starts_with("#!") || file.ends_with("justfile") => markup::hash_comments(text, false),
        Some("json") if file == "openapi.json" => markup::openapi(text),
        _ => Vec::new(),
    }
}

fn is_allowed(file: &str, phrase: &str) -> bool {
    let phrase = phrase.to_lowercase();
    EXCEPTIONS.iter().any(|exception| {
        file.starts_with(exception.path) && (exception.phrase == "*" || phrase.contains(exception.phrase))
    })
}

/// The folder that a file is counted under: two levels deep.
fn folder(file: &str) -> String {
    let folders: Vec<&str> = file.split('/').collect();
    match folders.len() {
        1 => file.to_owned(),
        2 => folders[0].to_owned(),
        _ => folders[..2].join("/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_have_reasons_and_files() {
        for exception in EXCEPTIONS {
            assert!(!exception.reason.is_empty(), "{}", exception.path);
        }
        assert!(is_allowed("docs/style.md", "anew"));
        assert!(!is_allowed("docs/search.md", "anew"));
    }

    #[test]
    fn files_are_counted_by_folder() {
        let folders = ["README.md", "docs/cost.md", "crates/store/src/error.rs"].map(folder);
        assert_eq!(folders, ["README.md", "docs", "crates/store"]);
    }

    #[test]
    fn each_kind_of_file_is_read() {
        for (file, text) in [
            ("a.rs", "// a b c"),
            ("a.js", "// a b c"),
            ("a.css", "/* a b c */"),
            ("a.md", "a b c"),
            ("a.yml", "# a b c"),
            (".ci/run", "#!/bin/sh\n# a b c"),
            ("openapi.json", "\"summary\": \"a b c\""),
        ] {
            assert_eq!(passages(file, text).len(), 1, "{file}");
        }
        assert!(passages("schemas/a.json", "\"description\": \"a b c\"").is_empty());
    }
}
