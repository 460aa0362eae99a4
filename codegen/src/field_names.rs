//! Distinct field names: properties whose names are the same in Rust, such as `id` and `_id`.
//!
//! typify converts each property's name on its own. A field whose name is taken gets a number, and a
//! `serde` attribute with the property's name.

use std::collections::{BTreeSet, HashMap};

use quote::format_ident;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Field, Fields, File, Ident, ImplItem, Item, Meta, Stmt, Token, Type, parse_quote};

/// Renames the fields of structs in `file` so that no two of a struct have the same name.
pub(crate) fn make_field_names_distinct(file: &mut File) {
    let mut renamed: HashMap<String, Vec<Ident>> = HashMap::new();
    for item in &mut file.items {
        if let Item::Struct(item) = item
            && let Fields::Named(fields) = &mut item.fields
            && let Some(names) = distinct_names(&fields.named)
        {
            for (field, name) in std::iter::zip(&mut fields.named, &names) {
                rename_field(field, name);
            }
            renamed.insert(item.ident.to_string(), names);
        }
    }
    // The only code that names the fields is `Default`.
    for item in &mut file.items {
        if let Item::Impl(item) = item
            && let Type::Path(path) = &*item.self_ty
            && let Some(names) = path.path.segments.last().and_then(|segment| renamed.get(&segment.ident.to_string()))
        {
            item.items.iter_mut().for_each(|item| rename_in_literals(item, names));
        }
    }
}

/// Returns names for `fields`, or `None` if their names are distinct already.
fn distinct_names(fields: &Punctuated<Field, Token![,]>) -> Option<Vec<Ident>> {
    // The field of unknown fields keeps its name, because code that uses the types reads it.
    let is_flattened = |field: &&Field| field.attrs.iter().any(|attribute| serde_key(attribute, "flatten"));
    let mut used: BTreeSet<String> =
        fields.iter().filter(is_flattened).filter_map(|field| Some(field.ident.as_ref()?.to_string())).collect();
    let mut is_changed = false;
    let mut names = Vec::new();
    for field in fields {
        let ident = field.ident.clone()?;
        let is_free = is_flattened(&field) || used.insert(ident.to_string());
        let mut numbered = (2..).map(|number| format!("{}_{number}", ident.to_string().trim_start_matches("r#")));
        names.push(match is_free {
            true => ident,
            false => {
                is_changed = true;
                let name = numbered.find(|name| used.insert(name.clone()))?;
                format_ident!("{name}")
            }
        });
    }
    is_changed.then_some(names)
}

fn rename_field(field: &mut Field, name: &Ident) {
    let Some(old) = field.ident.replace(name.clone()) else { return };
    if old == *name || field.attrs.iter().any(|attribute| serde_key(attribute, "rename")) {
        return;
    }
    let property = old.to_string().trim_start_matches("r#").to_owned();
    field.attrs.push(parse_quote!(#[serde(rename = #property)]));
}

/// Returns whether a `serde` attribute has the given key.
fn serde_key(attribute: &Attribute, key: &str) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    let parsed = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
    list.path.is_ident("serde") && parsed.is_ok_and(|keys| keys.iter().any(|meta| meta.path().is_ident(key)))
}

/// Renames the fields of a struct literal at the end of a function.
fn rename_in_literals(item: &mut ImplItem, names: &[Ident]) {
    let ImplItem::Fn(function) = item else { return };
    if let Some(Stmt::Expr(Expr::Struct(literal), None)) = function.block.stmts.last_mut()
        && literal.fields.len() == names.len()
    {
        for (field, name) in std::iter::zip(&mut literal.fields, names) {
            field.member = name.clone().into();
            // `name` alone would be short for `name: name`.
            field.colon_token.get_or_insert_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens, quote};

    use super::*;

    #[test]
    fn fields_of_the_same_name_get_numbers() {
        let mut file: File = syn::parse2(quote! {
            struct A { id: u8, #[serde(rename = "_id")] id: u8, extra: u8, #[serde(flatten)] extra: u8 }
            impl Default for A {
                fn default() -> Self {
                    Self { id: a(), id: b(), extra: c(), extra: d() }
                }
            }
        })
        .unwrap();
        make_field_names_distinct(&mut file);
        let expected = quote! {
            struct A {
                id: u8,
                #[serde(rename = "_id")] id_2: u8,
                #[serde(rename = "extra")] extra_2: u8,
                #[serde(flatten)] extra: u8
            }
            impl Default for A {
                fn default() -> Self {
                    Self { id: a(), id_2: b(), extra_2: c(), extra: d() }
                }
            }
        };
        assert_eq!(file.to_token_stream().to_string(), expected.to_string());
    }
}
