//! A catalog's module: a struct for each type, and the enum over them.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use serde_json::{Value, json};
use typify::{TypeSpace, TypeSpaceImpl, TypeSpaceSettings};

use crate::catalog::Catalog;
use crate::fields::mended;
use crate::problem::{Problem, Problems};
use crate::shape::{INSTANT, pascal_case, shapes};

/// Names that the module takes for itself.
const TAKEN: [&str; 3] = [BASE, "Event", "Unknown"];
/// What the struct is called for events that hold what their catalog's base describes and no more.
const BASE: &str = "Base";

/// The module's source.
pub(crate) fn module(catalog: &Catalog) -> Result<TokenStream, Problems> {
    let file = format!("{}/base.json", catalog.name);
    // Definitions are the same in every type that refers to them: the bundler saw to it.
    let mut defs: BTreeMap<String, Value> = shapes(&file, BASE, &catalog.base)?.into_iter().collect();
    let base = undescribed(&defs[BASE]);
    let mut plain = Vec::new();
    for event_type in &catalog.types {
        for (name, shape) in shapes(&event_type.path(catalog), &event_type.name, &event_type.schema)? {
            if name == event_type.name && undescribed(&shape) == base {
                plain.push(name);
            } else {
                defs.insert(name, shape);
            }
        }
    }
    let mut space = TypeSpace::new(&settings(catalog)?);
    let refused = |error: &dyn std::fmt::Display| {
        Problem::new("type", &file, "", format!("no Rust types can be made of the catalog: {error}"))
    };
    let defs = serde_json::from_value::<BTreeMap<String, _>>(json!(defs)).map_err(|e| refused(&e))?;
    space.add_ref_types(defs).map_err(|e| refused(&e))?;

    let mut variants = Vec::new();
    let mut newtypes = Vec::new();
    for event_type in &catalog.types {
        let name = if plain.contains(&event_type.name) {
            let name = pascal_case(&event_type.name);
            newtypes.push(newtype(&name, &event_type.description));
            name
        } else {
            let reference = json!({"$ref": format!("#/$defs/{}", event_type.name)});
            let reference = serde_json::from_value(reference).map_err(|e| refused(&e))?;
            let id = space.add_type(&reference).map_err(|e| refused(&e))?;
            space.get_type(&id).map_err(|e| refused(&e))?.name()
        };
        if TAKEN.contains(&name.as_str()) || variants.iter().any(|(known, _)| *known == name) {
            let message = format!("`{name}` names another Rust type already: rename the file");
            return Err(Problem::new("type", event_type.path(catalog), "", message).into());
        }
        variants.push((name, event_type));
    }
    let names: Vec<_> = variants.iter().map(|(name, _)| format_ident!("{name}")).collect();
    let types: Vec<_> = variants.iter().map(|(_, event_type)| event_type.name.as_str()).collect();
    let docs: Vec<_> = variants.iter().map(|(_, event_type)| &event_type.description).collect();
    let module = module_name(catalog);
    let module_doc = format!("{}: {}", catalog.file.title, catalog.file.description);
    let enum_doc = format!("One event of the catalog `{}`.", catalog.name);
    let catalog_name = &catalog.name;
    let structs = mended(space.to_stream()).map_err(|e| refused(&e))?;
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
                /// An event of a type that has no schema, as it came.
                Unknown(::serde_json::Value),
            }

            impl Event {
                /// Reads the JSON of one event.
                ///
                /// This gives the event its Rust type; whether its schema accepts it is for
                /// [`Catalog::read`](crate::Catalog::read) to say. Whatever that accepts can be
                /// read here.
                pub fn parse(payload: &[u8]) -> ::std::result::Result<Self, crate::ParseError> {
                    Self::from_value(&crate::typed::json(payload)?)
                }

                /// Gives an event that is JSON already its Rust type.
                pub fn from_value(
                    payload: &::serde_json::Value,
                ) -> ::std::result::Result<Self, crate::ParseError> {
                    match crate::typed::event_type(#catalog_name, payload).as_deref() {
                        #(Some(#types) => crate::typed::read(#types, payload).map(Self::#names),)*
                        _ => Ok(Self::Unknown(payload.clone())),
                    }
                }

                /// The event as JSON: what its Rust type holds of it.
                pub fn to_value(&self) -> ::std::result::Result<::serde_json::Value, crate::ParseError> {
                    crate::typed::write(self)
                }
            }
        }
    })
}

/// A type that adds no field to its catalog's base. Serde code for the base, which is long, is
/// compiled once for all of them.
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

/// A shape without the words about it: for those, no Rust type is another one.
fn undescribed(shape: &Value) -> Value {
    let mut shape = shape.clone();
    if let Some(object) = shape.as_object_mut() {
        object.shift_remove("description");
    }
    if let Some(described) = shape.pointer_mut("/properties/type/description") {
        *described = Value::Null;
    }
    shape
}

/// For the tests: reading an event into its Rust type and writing it again, for each catalog.
pub(crate) fn round_trips(catalogs: &[Catalog]) -> TokenStream {
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

fn settings(catalog: &Catalog) -> Result<TypeSpaceSettings, Problem> {
    let mut settings = TypeSpaceSettings::default();
    settings.with_derive("PartialEq".to_owned());
    settings.with_map_type("::std::collections::BTreeMap");
    let time = serde_json::from_value(json!({"type": "string", "format": INSTANT}))
        .map_err(|e| Problem::new("type", format!("{}/base.json", catalog.name), "", e.to_string()))?;
    settings.with_conversion(time, "crate::Instant", [TypeSpaceImpl::Display, TypeSpaceImpl::FromStr].into_iter());
    Ok(settings)
}
