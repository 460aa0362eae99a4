//! The sources and keys that the local stack creates at its first start.

use std::collections::BTreeMap;

use anyhow::Context;
use events::TIDINGS_SOURCE;
use model::{Key, KeyScope, Source};
use store::ConfigTable;
use web::token;

use crate::dev_file::Tokens;

/// Ensures that a source exists for each catalog, with the catalog's name, and that a key exists for each permission. Only
/// Tidings writes events of its own catalog: there is no source and no key for it.
///
/// Keeps the keys whose tokens are in `known`, and replaces the others. Returns the token of every key.
pub(crate) async fn ensure_sources_and_keys(config: &ConfigTable, known: &Tokens) -> anyhow::Result<Tokens> {
    let mut tokens = Tokens {
        manage: ensure_key(config, "dev-manage", KeyScope::Manage, None, &known.manage).await?,
        read: ensure_key(config, "dev-read", KeyScope::Read, None, &known.read).await?,
        ingest: BTreeMap::new(),
    };
    // Earlier versions created both.
    config.remove::<Key>(&format!("dev-ingest-{TIDINGS_SOURCE}")).await?;
    config.remove::<Source>(TIDINGS_SOURCE).await?;
    for catalog in events::catalogs().filter(|catalog| !Source::is_reserved_name(catalog.name())) {
        let name = catalog.name().to_owned();
        let source = match config.get::<Source>(&name).await? {
            Some(source) => source,
            None => {
                let (name, catalog) = (name.clone(), name.clone());
                let source = Source { name, catalog, description: None, created_at: runtime::now() };
                config.create(&source).await?;
                source
            }
        };
        let known_token = known.ingest.get(&name).map_or("", String::as_str);
        let key_name = format!("dev-ingest-{name}");
        let token = ensure_key(config, &key_name, KeyScope::Ingest, Some(&source), known_token).await?;
        tokens.ingest.insert(name, token);
    }
    Ok(tokens)
}

/// Returns a token of the key `name`: `known_token` if it is the key's, otherwise the token of a new key.
async fn ensure_key(
    config: &ConfigTable,
    name: &str,
    scope: KeyScope,
    source: Option<&Source>,
    known_token: &str,
) -> anyhow::Result<String> {
    if let Some(key) = config.get::<Key>(name).await? {
        if key.sha256 == token::sha256(known_token) && source.is_none_or(|source| key.is_for(source)) {
            return Ok(known_token.to_owned());
        }
        config.remove::<Key>(name).await?;
    }
    let token = token::generate().context("failed to generate a token")?;
    let sha256 = token::sha256(&token);
    let key = Key {
        name: name.to_owned(),
        scope,
        source: source.map(|source| source.name.clone()),
        source_created_at: source.map(|source| source.created_at),
        sha256,
        created_at: runtime::now(),
        expires_at: None,
    };
    config.create(&key).await?;
    Ok(token)
}
