//! Whom to trust: TLS 1.2 and newer, HTTP/2 where it is offered.

use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};

/// How many sessions a target's client may resume: it has one host, or few.
const SESSIONS: usize = 8;

/// The configuration for one target, made when it is first needed: plain HTTP needs none.
pub(super) struct Trust {
    ca_cert: Option<String>,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Trust {
    pub(super) fn new(ca_cert: Option<&str>) -> Self {
        Self { ca_cert: ca_cert.map(str::to_owned), config: OnceLock::new() }
    }

    /// Whether the target names whom to trust.
    pub(super) fn is_private(&self) -> bool {
        self.ca_cert.is_some()
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.config.get_or_init(|| config(self.ca_cert.as_deref())).clone()
    }
}

fn config(ca_cert: Option<&str>) -> Result<Arc<ClientConfig>, String> {
    let roots = match ca_cert {
        Some(pem) => {
            Arc::new(webhook::trusted(pem).map_err(|why| format!("the target's ca_cert cannot be used: {why}"))?)
        }
        None => everybody_trusts()?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(Arc::new(config))
}

/// The certificates of this machine, read once.
fn everybody_trusts() -> Result<Arc<RootCertStore>, String> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    };
    let roots = ROOTS.get_or_init(read);
    match roots.is_empty() {
        // Said here, not of the target's certificate, which may be all right.
        true => Err("the machine that posts has no root certificates to check the target's by".to_owned()),
        false => Ok(Arc::clone(roots)),
    }
}
