//! Whom to trust: TLS 1.2 and newer, HTTP/2 where it is offered.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

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
        Some(pem) => Arc::new(
            webhook::parse_trust_anchors(pem).map_err(|why| format!("the target's ca_cert cannot be used: {why}"))?,
        ),
        None => everybody_trusts()?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let mut config = match ca_cert {
        Some(pem) => {
            let verifier = Arc::new(Named::new(pem, roots, &provider)?);
            config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
        None => config.with_root_certificates(roots).with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Ok(Arc::new(config))
}

/// Trusts what is signed by the certificates that a target names, and the named ones themselves: a server on its own
/// often has one that it signed itself, which `openssl req -x509` marks as a CA's, and which would be refused for that.
#[derive(Debug)]
struct Named {
    signed: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl Named {
    fn new(pem: &str, roots: Arc<RootCertStore>, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let signed = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
        let signed = signed.map_err(|error| format!("the target's ca_cert cannot be used: {error}"))?;
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok).collect();
        Ok(Self { signed, certificates })
    }
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.signed.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            // It is in its time, which is looked at before this, and whoever has its key is who was named.
            Err(rustls::Error::InvalidCertificate(wrong))
                if is_of_authority(&wrong) && self.certificates.contains(end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

/// Whether a certificate was refused because it is a CA's own. rustls says it in no other way.
pub(super) fn is_of_authority(wrong: &CertificateError) -> bool {
    format!("{wrong:?}").contains("CaUsedAsEndEntity")
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
