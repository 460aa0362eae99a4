#![doc = include_str!("../README.md")]

mod bundle;
mod catalog;
#[cfg(feature = "check")]
pub mod check;
mod dialect;
mod fields;
mod files;
mod merge;
mod problem;
mod reference;
mod registry;
mod rules;
mod shape;
mod summary;
mod types;

use std::path::Path;

use quote::quote;

pub use problem::{Problem, Problems};
pub use rules::{CatalogFile, Level, Part, Place, Scope, ScopeMap, ScopeRule};

/// The Rust source for the schemas folder `root`: a module for each catalog, and the registry.
///
/// The events crate includes it at its root; the source refers to items there.
pub fn generate(root: &Path) -> Result<String, Problems> {
    source(&catalog::catalogs(&files::Files::read(root)?)?)
}

/// The Rust source for catalogs that have been read.
fn source(catalogs: &[catalog::Catalog]) -> Result<String, Problems> {
    let modules = catalogs.iter().map(types::module).collect::<Result<Vec<_>, _>>()?;
    let registry = registry::registry(catalogs);
    let round_trips = types::round_trips(catalogs);
    let source = quote! { #(#modules)* #registry #round_trips };
    // What quote! has joined is Rust; only a mistake in this crate could make it anything else.
    let file = syn::parse2(source).map_err(|e| {
        Problem::new("generator", "", "", format!("the generator wrote what is not Rust ({e}): please report it"))
    })?;
    Ok(prettyplease::unparse(&file))
}
