//! The Rust module of a catalog: a struct for each event type, and an enum over them.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use serde_json::{Value, json};
use typify::{TypeSpace, TypeSpaceImpl, TypeSpaceSettings};

use crate::catalog::{Catalog, is_kebab_case};
use crate::field_names::make_field_names_distinct;
use crate::nullable_field::apply_nullable_markers;
use crate::problem::{Problem, Problems};
use crate::type_shape::{INSTANT_FORMAT, pascal_case, type_shapes};

/// Names that the module uses for its own items.
const RESERVED_TYPE_NAMES: [&str; 3] = [BASE_STRUCT, "Event", "Unknown"];
/// Name of the struct for events that have only the fields of their catalog's base.
const BASE_STRUCT: &str = "Base";

/// Generates the module of `catalog`.
pub(crate) fn catalog_module(catalog: &Catalog) -> Result<TokenStream, Problems> {
    let file = format!("{}/base.json", catalog.name);
    // The bundler guarantees that a definition is the same in every type that refers to it.
    let mut defs: BTreeMap<String, Value> = type_shapes(&file, BASE_STRUCT, &catalog.base)?.into_iter().collect();
    let base = without_descriptions(&defs[BASE_STRUCT]);
    let mut same_as_base = Vec::new();
    for event_type in &catalog.types {
        let own_name = rust_key(&event_type.name);
        for (name, shape) in type_shapes(&event_type.path(catalog), &own_name, &event_type.schema)? {
            if name == own_name && without_descriptions(&shape) == base {
                same_as_base.push(name);
            } else {
                defs.insert(name, shape);
            }
        }
    }
    let mut space = TypeSpace::new(&typify_settings(catalog)?);
    let failure = |error: &dyn std::fmt::Display| {
        Problem::new("type", &file, "", format!("failed to generate Rust types for the catalog: {error}"))
    };
    let defs = serde_json::from_value::<BTreeMap<String, _>>(json!(defs)).map_err(|e| failure(&e))?;
    space.add_ref_types(defs).map_err(|e| failure(&e))?;

    let mut variants = Vec::new();
    let mut newtypes = Vec::new();
    for event_type in &catalog.types {
        let key = rust_key(&event_type.name);
        let name = if same_as_base.contains(&key) {
            let name = pascal_case(&key);
            newtypes.push(newtype(&name, &event_type.description));
            name
        } else {
            let reference = json!({"$ref": format!("#/$defs/{key}")});
            let reference = serde_json::from_value(reference).map_err(|e| failure(&e))?;
            let id = space.add_type(&reference).map_err(|e| failure(&e))?;
            space.get_type(&id).map_err(|e| failure(&e))?.name()
        };
        if RESERVED_TYPE_NAMES.contains(&name.as_str()) || variants.iter().any(|(known, _)| *known == name) {
            let message = format!("`{name}` is already the name of another Rust type: rename the file");
            return Err(Problem::new("type", event_type.path(catalog), "", message).into());
        }
        variants.push((name, event_type));
    }
    let names: Vec<_> = variants.iter().map(|(name, _)| format_ident!("{name}")).collect();
    let types: Vec<_> = variants.iter().map(|(_, event_type)| event_type.name.as_str()).collect();
    let docs: Vec<_> = variants.iter().map(|(_, event_type)| &event_type.description).collect();
    let module = module_name(catalog);
    let module_doc = format!("{}: {}", catalog.file.title, catalog.file.description);
    let enum_doc = format!("An event of the catalog `{}`.", catalog.name);
    let catalog_name = &catalog.name;
    let mut structs = apply_nullable_markers(space.to_stream()).map_err(|e| failure(&e))?;
    make_field_names_distinct(&mut structs);
    Ok(quote! {
        #[doc = #module_doc]
        #[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, rust_2018_idioms)]
        pub mod #module {
            #structs
            #(#newtypes)*

            #[doc = #enum_doc]
            #[derive(::serde::Serialize, Clone, Debug, PartialEq)]
            #[serde(untagged)]
            #[non_exhaustive]
            pub enum Event {
                #(#[doc = #docs] #names(#names),)*
                /// An event of a type without a schema, unchanged.
                Unknown(::serde_json::Value),
            }

            impl Event {
                /// Parses the JSON of one event into its Rust type.
                ///
                /// This does not validate the event: [`Catalog::accept`](crate::Catalog::accept) does.
                /// Every event that its schema accepts can be parsed.
                pub fn parse(payload: &[u8]) -> ::std::result::Result<Self, crate::ParseError> {
                    Self::from_value(&crate::typed::json(payload)?)
                }

                /// Converts an event from JSON into its Rust type.
                pub fn from_value(
                    payload: &::serde_json::Value,
                ) -> ::std::result::Result<Self, crate::ParseError> {
                    match crate::typed::event_type(#catalog_name, payload).as_deref() {
                        #(Some(#types) => crate::typed::read(#types, payload).map(Self::#names),)*
                        _ => Ok(Self::Unknown(payload.clone())),
                    }
                }

                /// Converts the event back into JSON.
                pub fn to_value(&self) -> ::std::result::Result<::serde_json::Value, crate::ParseError> {
                    crate::typed::write(self)
                }
            }
        }
    })
}

/// Returns the name of a type's definition: the type's name in kebab-case, which is unchanged if it has
/// that form, and otherwise a name that begins with a letter.
fn rust_key(name: &str) -> String {
    if is_kebab_case(name) {
        return name.to_owned();
    }
    let ident = pascal_case(name);
    if ident.starts_with(|c: char| c.is_ascii_alphabetic()) && ident != "Self" { ident } else { format!("Type{ident}") }
}

/// Generates a newtype around `Base` for a type that adds no fields. The serde code for the base is
/// large, and newtypes share one copy of it.
fn newtype(name: &str, description: &str) -> TokenStream {
    let name = format_ident!("{name}");
    quote! {
        #[doc = #description]
        #[derive(::serde::Deserialize, ::serde::Serialize, Clone, Debug, PartialEq)]
        #[serde(transparent)]
        pub struct #name(pub Base);

        impl ::std::ops::Deref for #name {
            type Target = Base;

            fn deref(&self) -> &Base {
                &self.0
            }
        }
    }
}

/// Returns a shape without its descriptions, which do not affect the Rust type.
fn without_descriptions(shape: &Value) -> Value {
    let mut shape = shape.clone();
    if let Some(object) = shape.as_object_mut() {
        object.shift_remove("description");
    }
    if let Some(described) = shape.pointer_mut("/properties/type/description") {
        *described = Value::Null;
    }
    shape
}

/// Generates the table of round trips for the tests: each catalog's function parses an event into its
/// Rust type and writes it again.
pub(crate) fn round_trip_table(catalogs: &[Catalog]) -> TokenStream {
    let count = catalogs.len();
    let names = catalogs.iter().map(|catalog| &catalog.name);
    let modules = catalogs.iter().map(module_name);
    quote! {
        #[cfg(test)]
        type RoundTrip = fn(&::serde_json::Value) -> Result<::serde_json::Value, crate::ParseError>;

        #[cfg(test)]
        const ROUND_TRIPS: [(&str, RoundTrip); #count] =
            [#((#names, |payload| #modules::Event::from_value(payload)?.to_value())),*];
    }
}

fn module_name(catalog: &Catalog) -> Ident {
    format_ident!("{}", catalog.name.replace('-', "_"))
}

fn typify_settings(catalog: &Catalog) -> Result<TypeSpaceSettings, Problem> {
    let mut settings = TypeSpaceSettings::default();
    settings.with_derive("PartialEq".to_owned());
    settings.with_map_type("::std::collections::BTreeMap");
    let time = serde_json::from_value(json!({"type": "string", "format": INSTANT_FORMAT}))
        .map_err(|e| Problem::new("type", format!("{}/base.json", catalog.name), "", e.to_string()))?;
    settings.with_conversion(time, "crate::Instant", [TypeSpaceImpl::Display, TypeSpaceImpl::FromStr].into_iter());
    Ok(settings)
}
