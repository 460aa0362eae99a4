//! Fields that distinguish `null` from a missing field.
//!
//! typify generates `Option<T>` for an optional field as well as for a nullable one, so a field that
//! is both would lose the difference. Such a field becomes an `Option<Option<T>>`: `None` is a
//! missing field and `Some(None)` is `null`. For a field of any JSON type, `Option<Value>` is enough.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, Field, Fields, File, Item, Lit, Meta, parse_quote};

use crate::type_shape::NULLABLE_MARKER;

/// Rewrites the fields of typify's `module` that are marked with [`NULLABLE_MARKER`].
pub(crate) fn apply_nullable_markers(module: TokenStream) -> syn::Result<File> {
    let mut file: File = syn::parse2(module)?;
    for item in &mut file.items {
        if let Item::Struct(item) = item
            && let Fields::Named(fields) = &mut item.fields
        {
            fields.named.iter_mut().for_each(rewrite_field);
        }
    }
    Ok(file)
}

fn rewrite_field(field: &mut Field) {
    let Some(index) = field.attrs.iter().position(|attribute| doc_text(attribute).is_some_and(|text| is_marked(&text)))
    else {
        return;
    };
    let text = doc_text(&field.attrs.remove(index)).unwrap_or_default().replace(NULLABLE_MARKER, "");
    if !text.trim().is_empty() {
        field.attrs.insert(index, parse_quote!(#[doc = #text]));
    }
    field.attrs.push(parse_quote!(#[serde(default, deserialize_with = "crate::typed::present")]));
    let nullable = &field.ty;
    let any_json = quote!(::std::option::Option<::serde_json::Value>);
    if quote!(#nullable).to_string() != any_json.to_string() {
        field.ty = parse_quote!(::std::option::Option<#nullable>);
    }
}

fn is_marked(text: &str) -> bool {
    text.trim_start().starts_with(NULLABLE_MARKER)
}

/// Returns the text of a doc comment.
fn doc_text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(literal) = &pair.value else { return None };
    match &literal.lit {
        Lit::Str(text) if pair.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}
