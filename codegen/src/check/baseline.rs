//! The schemas to compare with: the same folder at a git revision.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::files::{Files, is_hidden, is_json};

/// The files of `folder` as they were at `revision`. `None` where it has no such folder.
pub(super) fn at_revision(folder: &Path, revision: &str) -> Result<Option<Files>, String> {
    let commit = commit(folder, revision)?;
    let commit = commit.as_str();
    let prefix = git(folder, &["rev-parse", "--show-prefix"])?;
    let prefix = prefix.trim();
    // From the top, so that names are whole whatever the folder is.
    let mut arguments = vec!["ls-tree", "-r", "-z", "--full-tree", "--name-only", commit];
    if !prefix.is_empty() {
        arguments.extend(["--", prefix]);
    }
    let listed = git(folder, &arguments)?;
    let paths: Vec<_> = listed.split('\0').filter(|path| is_json(path)).collect();
    if paths.is_empty() {
        return Ok(None);
    }
    let mut texts = BTreeMap::new();
    for (path, text) in std::iter::zip(&paths, contents(folder, commit, &paths)?) {
        let name = path.strip_prefix(prefix).unwrap_or(path);
        if !name.split('/').any(is_hidden) {
            texts.insert(name.to_owned(), text);
        }
    }
    Files::parse(texts).map(Some).map_err(|problems| format!("at {revision}: {problems}"))
}

/// The text of one file of `folder` as it was at `revision`, if it was there.
pub(super) fn file_at_revision(folder: &Path, name: &str, revision: &str) -> Result<Option<String>, String> {
    let commit = commit(folder, revision)?;
    let prefix = git(folder, &["rev-parse", "--show-prefix"])?;
    let path = format!("{}{name}", prefix.trim());
    let listed = git(folder, &["ls-tree", "-z", "--full-tree", "--name-only", &commit, "--", &path])?;
    if listed.is_empty() {
        return Ok(None);
    }
    Ok(contents(folder, &commit, &[&path])?.pop())
}

/// The commit that `revision` names.
fn commit(folder: &Path, revision: &str) -> Result<String, String> {
    let wanted = format!("{revision}^{{commit}}");
    let found = git(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]);
    let unknown = |_| format!("`{revision}` is neither a folder nor a git revision here: fetch it, or give a path");
    Ok(found.map_err(unknown)?.trim().to_owned())
}

/// The contents of files at a commit, read by one git.
fn contents(folder: &Path, commit: &str, paths: &[&str]) -> Result<Vec<String>, String> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("git cannot be run: {error}"))?;
    let wanted = paths.iter().fold(String::new(), |all, path| all + commit + ":" + path + "\n");
    let mut stdin = child.stdin.take().ok_or("git takes no input")?;
    // Beside reading, so that neither waits for the other with full pipes.
    let writer = std::thread::spawn(move || stdin.write_all(wanted.as_bytes()));
    let output = child.wait_with_output().map_err(|error| format!("git: {error}"))?.stdout;
    let _ = writer.join();
    let mut texts = Vec::new();
    let mut rest = output.as_slice();
    for path in paths {
        let unreadable = || format!("git does not have {path} at {commit}");
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(unreadable)?;
        let head = String::from_utf8_lossy(&rest[..end]);
        let size: usize = head.rsplit(' ').next().and_then(|size| size.parse().ok()).ok_or_else(unreadable)?;
        let body = rest.get(end + 1..end + 1 + size).ok_or_else(unreadable)?;
        texts.push(String::from_utf8_lossy(body).into_owned());
        rest = rest.get(end + size + 2..).unwrap_or_default();
    }
    Ok(texts)
}

/// What git prints, run in `folder`.
fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .map_err(|error| format!("git cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
