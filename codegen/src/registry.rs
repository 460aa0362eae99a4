//! The registry: the static data of every catalog.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::catalog::{Catalog, EventType};
use crate::catalog_file::{CatalogFile, FieldPath, Scope, ScopeRule, StringPart};
use crate::summary_template::SummarySegment;

/// Generates `static CATALOGS`, in the given order.
pub(crate) fn registry(catalogs: &[Catalog]) -> TokenStream {
    let count = catalogs.len();
    let catalogs = catalogs.iter().map(catalog_literal);
    quote! {
        /// Every catalog, sorted by name.
        pub(crate) static CATALOGS: [crate::Catalog; #count] = {
            use crate::catalog::{EventType, LazyValidator};
            use crate::rules::{FieldPath, Rules, ScopeRule};
            use crate::summary_template::{SummaryField, SummarySegment};
            [#(#catalogs),*]
        };
    }
}

fn catalog_literal(catalog: &Catalog) -> TokenStream {
    let CatalogFile { title, description, .. } = &catalog.file;
    let hint = option_literal(catalog.file.hint.as_deref());
    let name = &catalog.name;
    let base = catalog.base.to_string();
    let rules = rules_literal(&catalog.file);
    let count = catalog.types.len();
    let types = catalog.types.iter().map(event_type_literal);
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

fn option_literal(text: Option<&str>) -> TokenStream {
    text.map_or_else(|| quote!(None), |text| quote!(Some(#text)))
}

fn event_type_literal(event_type: &EventType) -> TokenStream {
    let EventType { name, description, version, label, summary, examples, schema, .. } = event_type;
    let schema = schema.to_string();
    let examples = examples.iter().map(ToString::to_string);
    let summary = summary.as_deref().map_or_else(|| quote!(&[]), segment_list);
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

fn segment_list(segments: &[SummarySegment]) -> TokenStream {
    let segments = segments.iter().map(|segment| match segment {
        SummarySegment::Text(text) => quote!(SummarySegment::Text(#text)),
        SummarySegment::Field(field) => {
            let field = format_ident!("{field}");
            quote!(SummarySegment::Field(SummaryField::#field))
        }
        SummarySegment::At(pointer) => quote!(SummarySegment::At(#pointer)),
        SummarySegment::Optional(inner) => {
            let inner = segment_list(inner);
            quote!(SummarySegment::Optional(#inner))
        }
        SummarySegment::First(choices) => {
            let choices = segment_list(choices);
            quote!(SummarySegment::First(#choices))
        }
    });
    quote!(&[#(#segments),*])
}

fn rules_literal(file: &CatalogFile) -> TokenStream {
    let scope = scope_rule_literal(&file.scope);
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
        let list = list.iter().map(field_path_literal);
        quote!(&[#(#list),*])
    });
    let untyped = option_literal(file.untyped.as_deref());
    quote! {
        Rules {
            event_type: #event_type,
            untyped: #untyped,
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

fn field_path_literal(path: &FieldPath) -> TokenStream {
    let (at, after, before) = match path {
        FieldPath::Whole(at) => (at, None, None),
        FieldPath::Part(StringPart { at, after, before }) => (at, after.as_ref(), before.as_ref()),
    };
    let [after, before] = [after, before].map(|text| text.map_or_else(|| quote!(None), |text| quote!(Some(#text))));
    quote!(FieldPath { pointer: #at, after: #after, before: #before })
}

fn scope_rule_literal(rule: &ScopeRule) -> TokenStream {
    match rule {
        ScopeRule::Always(scope) => {
            let scope = scope_literal(*scope);
            quote!(ScopeRule::Always(#scope))
        }
        ScopeRule::From(map) => {
            let at = field_path_literal(&map.at);
            let otherwise = scope_literal(map.otherwise);
            let values = map.values.iter().map(|(text, value)| {
                let value = scope_literal(*value);
                quote!((#text, #value))
            });
            quote!(ScopeRule::From { path: #at, values: &[#(#values),*], otherwise: #otherwise })
        }
    }
}

fn scope_literal(scope: Scope) -> TokenStream {
    let variant = format_ident!("{scope:?}");
    quote!(crate::Scope::#variant)
}
