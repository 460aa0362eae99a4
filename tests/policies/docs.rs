//! Compares the documentation with the repository: every link, path and test that a page names exists.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::{has_test, linked_tests, read, workspace_sources};

/// Folders with pages that are not documentation of this repository.
const SKIPPED: [&str; 4] = ["target", "node_modules", ".git", "mustache"];

/// Top-level folders. A name in backticks that begins with one of them is a path.
const FOLDERS: [&str; 12] = [
    ".ci/",
    ".config/",
    ".github/",
    "cli/",
    "codegen/",
    "crates/",
    "docs/",
    "functions/",
    "infra/",
    "schemas/",
    "tests/",
    "xtask/",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Markdown pages of the repository, relative to its root.
fn pages() -> Vec<PathBuf> {
    let (mut pages, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).expect("a folder").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = folder.join(&name);
            if entry.path().is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// The page without its fenced code blocks.
fn prose(page: &str) -> String {
    let mut is_code = false;
    let lines = page.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The targets of the page's links and images that are files of the repository, with their fragments.
fn links(prose: &str) -> BTreeSet<&str> {
    let markdown = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let html = ["src=\"", "srcset=\""].into_iter().flat_map(|attribute| prose.split(attribute).skip(1));
    let html = html.filter_map(|rest| rest.split('"').next());
    markdown.chain(html).filter(|link| !link.contains("://") && !link.starts_with("mailto:")).collect()
}

/// The paths that the page names in backticks.
fn paths(prose: &str) -> BTreeSet<&str> {
    let named = prose.split('`').skip(1).step_by(2);
    let is_path = |name: &&str| {
        FOLDERS.iter().any(|folder| name.starts_with(folder)) && !name.contains(['<', '*', '{', ' ', '…', '$'])
    };
    named.filter(is_path).map(|name| name.trim_end_matches('/')).collect()
}

/// The fragment that GitHub gives a heading.
fn fragment(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn fragments(page: &str) -> BTreeSet<String> {
    let page = prose(page);
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| fragment(line.trim_start_matches('#').trim())).collect()
}

/// The path without `.` and `..`.
fn normalized(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => {}
        }
        path
    })
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page.to_string_lossy());
        for link in links(&prose(&text)) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let file = match path {
                "" => page.clone(),
                _ => normalized(&page.parent().unwrap_or(Path::new("")).join(path)),
            };
            let has_heading = || heading.is_empty() || fragments(&read(&file.to_string_lossy())).contains(heading);
            if !root().join(&file).exists() || !has_heading() {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links: {broken:#?}");
}

#[test]
fn every_path_that_a_page_names_exists() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = prose(&read(&page.to_string_lossy()));
        let absent = paths(&text).into_iter().filter(|path| !root().join(path).exists());
        missing.extend(absent.map(|path| format!("{}: {path}", page.display())));
    }
    assert!(missing.is_empty(), "paths that do not exist: {missing:#?}");
}

#[test]
fn every_promise_has_tests_that_exist() {
    let page = read("docs/promises.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| promise"));
    let bare: Vec<_> = rows.filter(|row| linked_tests(row).is_empty()).collect();
    assert!(bare.is_empty(), "promises without a test: {bare:#?}");
    let tests = linked_tests(&page).into_iter().map(|(name, path)| (name, path.trim_start_matches("../")));
    let missing: BTreeSet<_> = tests.filter(|(name, path)| !has_test(&read(path), name)).collect();
    assert!(missing.is_empty(), "docs/promises.md names tests that do not exist: {missing:#?}");
}

#[test]
fn links_paths_and_headings_are_recognised() {
    let page =
        "[a](x.md#y) ![b](c.png) <img src=\"d.png\"> [e](https://example.org)\n```\n[no](no.md)\n```\n`crates/x/`";
    let page = prose(page);
    assert_eq!(links(&page), ["x.md#y", "c.png", "d.png"].into());
    assert_eq!(paths(&page), ["crates/x"].into());
    assert_eq!(fragment("From nothing to the first event"), "from-nothing-to-the-first-event");
    assert_eq!(fragment("`tidings dev`"), "tidings-dev");
    assert_eq!(normalized(Path::new("docs/../README.md")), Path::new("README.md"));
}

#[test]
fn the_runbook_quotes_messages_of_the_code() {
    let (code, page) = (workspace_sources(), prose(&read("docs/runbook.md")));
    let quotes: Vec<&str> =
        page.split('`').skip(1).step_by(2).filter(|quote| quote.starts_with("failed to ")).collect();
    assert!(!quotes.is_empty());
    for quote in quotes {
        assert!(code.contains(&format!("\"{quote}\"")), "no code logs `{quote}`");
    }
}
