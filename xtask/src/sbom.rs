//! Software bills of materials of the functions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::process::{Result, cargo, output_of, root, target};

/// The default platform of the functions in the template.
const PLATFORM: &str = "aarch64-unknown-linux-gnu";

/// Writes the dependencies of each function to `target/sbom/<function>.cdx.json`, as `CycloneDX` 1.5. The output is
/// reproducible.
pub(crate) fn write_sboms() -> Result {
    let metadata = cargo_json(&["metadata", "--format-version", "1", "--locked", "--filter-platform", PLATFORM])?;
    let packages: BTreeMap<(&str, &str), &Value> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|package| Some(((package["name"].as_str()?, package["version"].as_str()?), package)))
        .collect();
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    let sums = checksums(&lock);
    let folder = target().join("sbom");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    // The packages that `cargo lambda build` builds.
    let functions = metadata["metadata"]["lambda"]["build"]["packages"].as_array();
    for function in functions.into_iter().flatten().filter_map(Value::as_str) {
        let linked = linked_crates(function)?;
        let components: Vec<Value> = linked
            .iter()
            .filter(|(name, _)| name != function)
            .filter_map(|(name, version)| packages.get(&(name.as_str(), version.as_str())))
            .map(|package| component(package, "library", &sums))
            .collect();
        let own =
            linked.iter().find(|(name, _)| name == function).and_then(|(name, version)| packages.get(&(name, version)));
        let own = own.ok_or_else(|| format!("{function} is not a package of the workspace"))?;
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

/// Returns name and version of the crates that are linked into a function, and of its macros.
fn linked_crates(function: &str) -> Result<BTreeSet<(String, String)>> {
    let tree = ["tree", "--locked", "--package", function, "--edges", "normal", "--target", PLATFORM];
    let tree = output_of(cargo(&[&tree[..], &["--prefix", "none", "--format", "{p}"]].concat()))?;
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
        // Older crates separate alternatives with a slash.
        component["licenses"] = json!([{ "expression": text("license").replace('/', " OR ") }]);
    }
    if let Some(sum) = sums.get(&(name, version)) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
    }
    component
}

/// Returns the SHA-256 of each crate's archive, by name and version.
fn checksums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    lock.split("[[package]]")
        .filter_map(|package| {
            let field = |name: &str| {
                let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""))?;
                line.strip_suffix('"')
            };
            Some(((field("name")?, field("version")?), field("checksum")?))
        })
        .collect()
}

fn cargo_json(arguments: &[&str]) -> Result<Value> {
    serde_json::from_str(&output_of(cargo(arguments))?)
        .map_err(|error| format!("cargo {}: {error}", arguments.join(" ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{checksums, component};

    #[test]
    fn components_have_a_purl_a_checksum_and_a_licence() {
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
