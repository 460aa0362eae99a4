//! Advice on event types that no catalog has.

use model::{Field, SearchFilter};

/// Maximum number of similar types in a warning.
const MAX_SIMILAR_TYPES: usize = 3;

/// Returns a warning for each type in a filter that no catalog has. Signals may have such types, so the search is valid.
pub(crate) fn unknown_type_warnings(filter: &SearchFilter) -> Vec<String> {
    let types = filter.values(Field::Type).unwrap_or_default();
    types.iter().filter(|name| !is_known(name)).map(|name| warning(name)).collect()
}

fn is_known(name: &str) -> bool {
    events::catalogs().any(|catalog| catalog.event_type(name).is_some())
}

fn warning(name: &str) -> String {
    let similar = similar_types(name);
    let advice = if similar.is_empty() {
        "GET /v1/catalogs lists the types of every catalog".to_owned()
    } else {
        format!("similar types are {}", similar.join(", "))
    };
    let wildcard = if name.contains('*') { " A type has no wildcards: omit `type` to search all types." } else { "" };
    format!("no catalog has the type {name:?}; {advice}. Only signals may have other types.{wildcard}")
}

/// Returns the types that contain most of the name's words, the most similar first.
fn similar_types(name: &str) -> Vec<&'static str> {
    let words = |name: &str| -> Vec<String> {
        let words = name.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    let wanted = words(name);
    let score = |candidate: &str| {
        let own = words(candidate);
        wanted.iter().filter(|word| own.contains(word)).count()
    };
    let types = events::catalogs().flat_map(events::Catalog::types).map(|known| known.name);
    let mut similar: Vec<(usize, &str)> = types.map(|name| (score(name), name)).collect();
    similar.retain(|(score, _)| *score > 0 && *score * 2 >= wanted.len());
    similar.sort_by_key(|(score, name)| (std::cmp::Reverse(*score), name.len(), *name));
    similar.dedup();
    similar.into_iter().take(MAX_SIMILAR_TYPES).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_types_are_named_with_similar_ones() {
        let filter = |names: &[&str]| {
            SearchFilter::default().and(Field::Type, names.iter().map(|name| (*name).to_owned()).collect())
        };
        assert_eq!(unknown_type_warnings(&filter(&["feature-created"])), Vec::<String>::new());
        let warnings = unknown_type_warnings(&filter(&["feature_created", "feature-created", "zebra"]));
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].contains("\"feature_created\"; similar types are feature-created"), "{warnings:?}");
        assert!(warnings[1].contains("GET /v1/catalogs"), "{warnings:?}");
        assert!(unknown_type_warnings(&filter(&["feature-*"]))[0].contains("no wildcards"));
    }
}
