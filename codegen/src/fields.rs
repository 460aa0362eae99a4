//! Fields that tell `null` from no field at all.
//!
//! typify makes `Option<T>` of both a field that may be left out and one that may be null, so a
//! field that may be both would lose which it was. It becomes an `Option<Option<T>>`: `None` is no
//! field, `Some(None)` is `null`. Of any JSON at all, an `Option<Value>` says both.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, Field, Fields, File, Item, Lit, Meta, parse_quote};

use crate::shape::MAY_BE_NULL;

/// `module`, as typify wrote it, with the fields mended that are marked.
pub(crate) fn mended(module: TokenStream) -> syn::Result<File> {
    let mut file: File = syn::parse2(module)?;
    for item in &mut file.items {
        if let Item::Struct(item) = item
            && let Fields::Named(fields) = &mut item.fields
        {
            fields.named.iter_mut().for_each(mend);
        }
    }
    Ok(file)
}

fn mend(field: &mut Field) {
    let Some(index) = field.attrs.iter().position(|attribute| doc(attribute).is_some_and(|text| is_marked(&text)))
    else {
        return;
    };
    let text = doc(&field.attrs.remove(index)).unwrap_or_default().replace(MAY_BE_NULL, "");
    if !text.trim().is_empty() {
        field.attrs.insert(index, parse_quote!(#[doc = #text]));
    }
    field.attrs.push(parse_quote!(#[serde(default, deserialize_with = "crate::typed::present")]));
    let nullable = &field.ty;
    let any = quote!(::std::option::Option<::serde_json::Value>);
    if quote!(#nullable).to_string() != any.to_string() {
        field.ty = parse_quote!(::std::option::Option<#nullable>);
    }
}

fn is_marked(text: &str) -> bool {
    text.trim_start().starts_with(MAY_BE_NULL)
}

/// The text of a doc comment.
fn doc(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(literal) = &pair.value else { return None };
    match &literal.lit {
        Lit::Str(text) if pair.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}
