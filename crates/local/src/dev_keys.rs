//! The sources and keys that the local stack creates at its first start.

use std::collections::BTreeMap;

use anyhow::Context;
use model::{Key, KeyScope, Source};
use store::ConfigTable;
use web::token;

use crate::dev_file::Tokens;

/// Ensures that a source exists for each catalog, with the catalog's name, and that a key exists for each permission.
///
/// Keeps the keys whose tokens are in `known`, and replaces the others. Returns the token of every key.
pub(crate) async fn ensure_sources_and_keys(config: &ConfigTable, known: &Tokens) -> anyhow::Result<Tokens> {
    let mut tokens = Tokens {
        manage: ensure_key(config, "dev-manage", KeyScope::Manage, None, &known.manage).await?,
        read: ensure_key(config, "dev-read", KeyScope::Read, None, &known.read).await?,
        ingest: BTreeMap::new(),
    };
    for catalog in events::catalogs() {
        let name = catalog.name().to_owned();
        if config.get::<Source>(&name).await?.is_none() {
            let source =
                Source { name: name.clone(), catalog: name.clone(), description: None, created_at: runtime::now() };
            config.create(&source).await?;
        }
        let known_token = known.ingest.get(&name).map_or("", String::as_str);
        let key_name = format!("dev-ingest-{name}");
        let token = ensure_key(config, &key_name, KeyScope::Ingest, Some(name.clone()), known_token).await?;
        tokens.ingest.insert(name, token);
    }
    Ok(tokens)
}

/// Returns a token of the key `name`: `known_token` if it is the key's, otherwise the token of a new key.
async fn ensure_key(
    config: &ConfigTable,
    name: &str,
    scope: KeyScope,
    source: Option<String>,
    known_token: &str,
) -> anyhow::Result<String> {
    if let Some(key) = config.get::<Key>(name).await? {
        if key.sha256 == token::sha256(known_token) {
            return Ok(known_token.to_owned());
        }
        config.remove::<Key>(name).await?;
    }
    let token = token::generate().context("failed to generate a token")?;
    let sha256 = token::sha256(&token);
    let key = Key { name: name.to_owned(), scope, source, sha256, created_at: runtime::now(), expires_at: None };
    config.create(&key).await?;
    Ok(token)
}
