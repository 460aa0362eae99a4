//! The registry: all that is known of each catalog, as static data.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::catalog::{Catalog, EventType};
use crate::rules::{CatalogFile, Part, Place, Scope, ScopeRule};
use crate::summary::Piece;

/// `static CATALOGS`, in the order given.
pub(crate) fn registry(catalogs: &[Catalog]) -> TokenStream {
    let count = catalogs.len();
    let catalogs = catalogs.iter().map(catalog);
    quote! {
        /// Every catalog, sorted by name.
        pub(crate) static CATALOGS: [crate::Catalog; #count] = {
            use crate::catalog::{EventType, LazyValidator};
            use crate::describe::{Field, Piece};
            use crate::rules::{Place, Rules, ScopeRule};
            [#(#catalogs),*]
        };
    }
}

fn catalog(catalog: &Catalog) -> TokenStream {
    let CatalogFile { title, description, .. } = &catalog.file;
    let hint = option(catalog.file.hint.as_deref());
    let name = &catalog.name;
    let base = catalog.base.to_string();
    let rules = rules(&catalog.file);
    let count = catalog.types.len();
    let types = catalog.types.iter().map(event_type);
    quote! {
        crate::Catalog {
            name: #name,
            title: #title,
            description: #description,
            rules: #rules,
            hint: #hint,
            base_schema: #base,
            base_validator: LazyValidator::new(),
            types: {
                static TYPES: [EventType; #count] = [#(#types),*];
                &TYPES
            },
        }
    }
}

fn option(text: Option<&str>) -> TokenStream {
    text.map_or_else(|| quote!(None), |text| quote!(Some(#text)))
}

fn event_type(event_type: &EventType) -> TokenStream {
    let EventType { name, description, version, label, summary, examples, schema } = event_type;
    let schema = schema.to_string();
    let examples = examples.iter().map(ToString::to_string);
    let summary = summary.as_deref().map_or_else(|| quote!(&[]), pieces);
    quote! {
        EventType {
            name: #name,
            description: #description,
            label: #label,
            version: #version,
            schema: #schema,
            examples: &[#(#examples),*],
            summary: #summary,
            validator: LazyValidator::new(),
        }
    }
}

fn pieces(pieces: &[Piece]) -> TokenStream {
    let pieces = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => quote!(Piece::Text(#text)),
        Piece::Field(field) => {
            let field = format_ident!("{field}");
            quote!(Piece::Field(Field::#field))
        }
        Piece::At(pointer) => quote!(Piece::At(#pointer)),
        Piece::Optional(inner) => {
            let inner = self::pieces(inner);
            quote!(Piece::Optional(#inner))
        }
        Piece::First(choices) => {
            let choices = self::pieces(choices);
            quote!(Piece::First(#choices))
        }
    });
    quote!(&[#(#pieces),*])
}

fn rules(file: &CatalogFile) -> TokenStream {
    let scope = scope_rule(&file.scope);
    let [event_type, time, producer_id, actor, subject, entities, project, environment, level] = [
        &file.event_type,
        &file.time,
        &file.producer_id,
        &file.actor,
        &file.subject,
        &file.entities,
        &file.project,
        &file.environment,
        &file.level,
    ]
    .map(|list| {
        let list = list.iter().map(place);
        quote!(&[#(#list),*])
    });
    let untyped = option(file.untyped.as_deref());
    let lenient_time = file.lenient_time;
    quote! {
        Rules {
            event_type: #event_type,
            untyped: #untyped,
            lenient_time: #lenient_time,
            scope: #scope,
            time: #time,
            producer_id: #producer_id,
            actor: #actor,
            subject: #subject,
            entities: #entities,
            project: #project,
            environment: #environment,
            level: #level,
        }
    }
}

fn place(place: &Place) -> TokenStream {
    let (at, after, before) = match place {
        Place::Whole(at) => (at, None, None),
        Place::Part(Part { at, after, before }) => (at, after.as_ref(), before.as_ref()),
    };
    let [after, before] = [after, before].map(|text| text.map_or_else(|| quote!(None), |text| quote!(Some(#text))));
    quote!(Place { at: #at, after: #after, before: #before })
}

fn scope_rule(rule: &ScopeRule) -> TokenStream {
    match rule {
        ScopeRule::Always(scope) => {
            let scope = self::scope(*scope);
            quote!(ScopeRule::Always(#scope))
        }
        ScopeRule::From(map) => {
            let at = place(&map.at);
            let otherwise = scope(map.otherwise);
            let values = map.values.iter().map(|(text, value)| {
                let value = scope(*value);
                quote!((#text, #value))
            });
            quote!(ScopeRule::From { at: #at, values: &[#(#values),*], otherwise: #otherwise })
        }
    }
}

fn scope(scope: Scope) -> TokenStream {
    let variant = format_ident!("{scope:?}");
    quote!(crate::Scope::#variant)
}
