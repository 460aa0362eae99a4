//! Schema files as they were at a Git revision.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::schema_files::{SchemaFiles, is_hidden, is_json};

/// Reads the files of `folder` at `revision`. Returns `None` if the folder did not exist.
pub(super) fn read_folder(folder: &Path, revision: &str) -> Result<Option<SchemaFiles>, String> {
    let commit = resolve_commit(folder, revision)?;
    let commit = commit.as_str();
    let prefix = run_git(folder, &["rev-parse", "--show-prefix"])?;
    let prefix = prefix.trim();
    // List from the repository's root, so that paths are complete for every folder.
    let mut arguments = vec!["ls-tree", "-r", "-z", "--full-tree", "--name-only", commit];
    if !prefix.is_empty() {
        arguments.extend(["--", prefix]);
    }
    let listed = run_git(folder, &arguments)?;
    let paths: Vec<_> = listed.split('\0').filter(|path| is_json(path)).collect();
    if paths.is_empty() {
        return Ok(None);
    }
    let mut texts = BTreeMap::new();
    for (path, text) in std::iter::zip(&paths, read_blobs(folder, commit, &paths)?) {
        let name = path.strip_prefix(prefix).unwrap_or(path);
        if !name.split('/').any(is_hidden) {
            texts.insert(name.to_owned(), text);
        }
    }
    SchemaFiles::parse(texts).map(Some).map_err(|problems| format!("at {revision}: {problems}"))
}

/// Reads the file `name` of `folder` at `revision`. Returns `None` if the file did not exist.
pub(super) fn read_file(folder: &Path, name: &str, revision: &str) -> Result<Option<String>, String> {
    let commit = resolve_commit(folder, revision)?;
    let prefix = run_git(folder, &["rev-parse", "--show-prefix"])?;
    let path = format!("{}{name}", prefix.trim());
    let listed = run_git(folder, &["ls-tree", "-z", "--full-tree", "--name-only", &commit, "--", &path])?;
    if listed.is_empty() {
        return Ok(None);
    }
    Ok(read_blobs(folder, &commit, &[&path])?.pop())
}

/// Resolves `revision` to a commit.
fn resolve_commit(folder: &Path, revision: &str) -> Result<String, String> {
    let object = format!("{revision}^{{commit}}");
    let found = run_git(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &object]);
    let unknown = |_| {
        format!(
            "`{revision}` is neither a folder nor a Git revision of this repository: fetch the revision, or pass a path"
        )
    };
    Ok(found.map_err(unknown)?.trim().to_owned())
}

/// Reads files at a commit with one `git cat-file` process.
fn read_blobs(folder: &Path, commit: &str, paths: &[&str]) -> Result<Vec<String>, String> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("failed to run git: {error}"))?;
    let requests = paths.iter().fold(String::new(), |all, path| all + commit + ":" + path + "\n");
    let mut stdin = child.stdin.take().ok_or("failed to open the input of git")?;
    // A thread writes while this one reads: with full pipes in both directions, both would block.
    let writer = std::thread::spawn(move || stdin.write_all(requests.as_bytes()));
    let output = child.wait_with_output().map_err(|error| format!("git: {error}"))?.stdout;
    let _ = writer.join();
    let mut texts = Vec::new();
    let mut rest = output.as_slice();
    for path in paths {
        let unreadable = || format!("failed to read {path} at {commit} from git");
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(unreadable)?;
        let header = String::from_utf8_lossy(&rest[..end]);
        let size: usize = header.rsplit(' ').next().and_then(|size| size.parse().ok()).ok_or_else(unreadable)?;
        let body = rest.get(end + 1..end + 1 + size).ok_or_else(unreadable)?;
        texts.push(String::from_utf8_lossy(body).into_owned());
        rest = rest.get(end + size + 2..).unwrap_or_default();
    }
    Ok(texts)
}

/// Runs git in `folder` and returns its output.
fn run_git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .map_err(|error| format!("failed to run git: {error}"))?;
    if !output.status.success() {
        return Err(format!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
