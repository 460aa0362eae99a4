//! Tests of the reference pages.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::check::{edit, run, shop};

/// Writes the pages for `folder` and returns their folder.
fn write_pages(folder: &Path) -> PathBuf {
    let out = folder.join("pages");
    let schemas = folder.to_str().unwrap();
    let (text, status) = run(&["docs", schemas, "--out", out.to_str().unwrap()]);
    assert_eq!(status, 0, "{text}");
    out
}

#[test]
fn a_page_has_the_fields_and_examples_of_its_type() {
    let folder = shop();
    let page = fs::read_to_string(write_pages(folder.path()).join("shop/order-placed.html")).unwrap();
    insta::assert_snapshot!(page);
}

#[test]
fn text_from_schemas_is_escaped() {
    let folder = shop();
    let hostile = "</code><script>alert(1)</script>\" onload='x'";
    edit(folder.path(), "shop/order-placed.json", |s| {
        s["description"] = json!(hostile);
        s["x-label"] = json!(hostile);
        s["properties"]["note"]["description"] = json!(hostile);
        s["examples"][0]["note"] = json!(hostile);
    });
    let out = write_pages(folder.path());
    for page in ["index.html", "shop/order-placed.html"] {
        let html = fs::read_to_string(out.join(page)).unwrap();
        assert!(html.contains("&lt;script&gt;alert(1)"), "{page}");
        assert!(!html.contains("<script>") && !html.contains("onload='x'"), "{page}");
    }
}

#[test]
fn every_link_leads_to_a_page() {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let out = tempfile::tempdir().unwrap();
    let (text, status) = run(&["docs", schemas.to_str().unwrap(), "--out", out.path().to_str().unwrap()]);
    assert_eq!(status, 0, "{text}");
    let mut links = 0;
    let mut folders = vec![out.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let html = fs::read_to_string(&path).unwrap();
            for link in html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(path.parent().unwrap().join(link).is_file(), "{}: {link}", path.display());
                links += 1;
            }
        }
    }
    assert!(links > 400);
}
