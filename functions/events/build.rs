//! Makes Rust of the schemas: see the codegen crate.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

fn main() {
    let schemas = Path::new("../../schemas");
    // The folder, so that new files and folders count too.
    println!("cargo::rerun-if-changed={}", schemas.display());
    let source = codegen::generate(schemas).unwrap_or_else(|problems| {
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
