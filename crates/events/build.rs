//! Makes Rust of the schemas: see the codegen crate.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

fn main() {
    // Another folder, for a team with events of its own: see README.md of codegen.
    println!("cargo::rerun-if-env-changed=TIDINGS_SCHEMAS");
    let given = env::var_os("TIDINGS_SCHEMAS").map_or_else(|| "schemas".into(), PathBuf::from);
    // Relative to the workspace, where cargo is run.
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(given);
    // The folder, so that new files and folders count too.
    println!("cargo::rerun-if-changed={}", schemas.display());
    println!("cargo::rustc-env=TIDINGS_SCHEMAS={}", schemas.display());
    let source = codegen::generate(&schemas).unwrap_or_else(|problems| {
        for problem in problems.0 {
            println!("cargo::error=schemas/{problem}");
        }
        process::exit(1)
    });
    // Cargo sets OUT_DIR for every build script.
    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    if let Err(error) = fs::write(out.join("catalogs.rs"), source) {
        println!("cargo::error=the generated catalogs cannot be written to {}: {error}", out.display());
        process::exit(1);
    }
}
