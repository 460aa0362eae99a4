//! Writing of the reference pages of a schemas folder.

use std::path::{Component, Path};

use super::html::{render_index, render_page};
use super::page::page_groups;
use crate::problem::{Problem, Problems};
use crate::schema_files::SchemaFiles;

/// Writes the pages for the schemas in `folder` to `out`, and returns the number of pages.
pub(in crate::check) fn write_pages(folder: &Path, out: &Path) -> Result<usize, Problems> {
    let groups = page_groups(&SchemaFiles::read(folder)?)?;
    let mut files = vec![("index.html", render_index(&groups))];
    for page in groups.iter().flat_map(|group| &group.pages) {
        files.push((page.path.as_str(), render_page(page)));
    }
    let page_count = files.len();
    files.push(("style.css", include_str!("style.css").to_owned()));
    files.push(("search.js", include_str!("search.js").to_owned()));
    for (name, content) in &files {
        write_file(out, name, content).map_err(|error| {
            Problem::new("unwritable", out.join(name).display().to_string(), "", format!("failed to write: {error}"))
        })?;
    }
    Ok(page_count)
}

/// Writes a file, unless it already has this content.
fn write_file(out: &Path, name: &str, content: &str) -> std::io::Result<()> {
    // Pages are named after schema files, whose paths must not lead out of the folder.
    if Path::new(name).components().any(|part| !matches!(part, Component::Normal(_))) {
        return Err(std::io::Error::other("the file name leads out of the folder"));
    }
    let path = out.join(name);
    if std::fs::read_to_string(&path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(path, content)
}
