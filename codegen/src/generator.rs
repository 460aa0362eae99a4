//! The generator: turns a schemas folder into Rust source.

use std::path::Path;

use quote::quote;

use crate::catalog::{Catalog, read_catalogs};
use crate::catalog_module::{catalog_module, round_trip_table};
use crate::problem::{Problem, Problems};
use crate::registry::registry;
use crate::schema_files::SchemaFiles;

/// Generates the Rust source for the schemas folder `root`: a module for each catalog, and the
/// registry.
///
/// The `events` crate includes the source at its root; the source refers to items of that crate.
///
/// # Errors
///
/// Returns every problem found in the folder.
pub fn generate(root: &Path) -> Result<String, Problems> {
    generate_source(&read_catalogs(&SchemaFiles::read(root)?)?)
}

/// Generates the Rust source for catalogs that have been read.
pub(crate) fn generate_source(catalogs: &[Catalog]) -> Result<String, Problems> {
    let modules = catalogs.iter().map(catalog_module).collect::<Result<Vec<_>, _>>()?;
    let registry = registry(catalogs);
    let round_trips = round_trip_table(catalogs);
    let source = quote! { #(#modules)* #registry #round_trips };
    // `quote!` joins valid Rust, so only a bug in this crate can make the source invalid.
    let file = syn::parse2(source).map_err(|e| {
        Problem::new("generator", "", "", format!("generated invalid Rust ({e}): please report this bug"))
    })?;
    Ok(prettyplease::unparse(&file))
}
