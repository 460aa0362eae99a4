//! TLS configuration and trust anchors: TLS 1.2 and 1.3, HTTP/2 if the server offers it.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Number of remembered TLS sessions per target, which has one host or few.
const MAX_TLS_SESSIONS: usize = 8;

/// The TLS configuration of one target. It is built on the first use, because plain HTTP does not need it.
pub(super) struct TlsTrust {
    ca_cert: Option<String>,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl TlsTrust {
    pub(super) fn new(ca_cert: Option<&str>) -> Self {
        Self { ca_cert: ca_cert.map(str::to_owned), config: OnceLock::new() }
    }

    /// Returns whether the target has its own trust anchors.
    pub(super) fn has_ca_cert(&self) -> bool {
        self.ca_cert.is_some()
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.config.get_or_init(|| build_config(self.ca_cert.as_deref())).clone()
    }
}

fn build_config(ca_cert: Option<&str>) -> Result<Arc<ClientConfig>, String> {
    let roots = match ca_cert {
        Some(pem) => Arc::new(
            webhook::parse_trust_anchors(pem).map_err(|reason| format!("invalid ca_cert of the target: {reason}"))?,
        ),
        None => native_roots()?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| format!("failed to set up TLS: {error}"))?;
    let mut config = match ca_cert {
        Some(pem) => {
            let verifier = Arc::new(PinnedCaVerifier::new(pem, roots, &provider)?);
            config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
        None => config.with_root_certificates(roots).with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(MAX_TLS_SESSIONS);
    Ok(Arc::new(config))
}

/// Trusts certificates that are signed by a target's `ca_cert`, and the certificates in `ca_cert` themselves:
///
/// - A single server often has a self-signed certificate, which `openssl req -x509` marks as a CA certificate. webpki
///   rejects a CA certificate of a server.
/// - A certificate that a CA has issued to the server may be pinned without its CA. Any name in it is accepted, because
///   the owner of the target has named this very certificate. Migration Manager does the same.
#[derive(Debug)]
struct PinnedCaVerifier {
    webpki: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl PinnedCaVerifier {
    fn new(pem: &str, roots: Arc<RootCertStore>, provider: &Arc<CryptoProvider>) -> Result<Self, String> {
        let webpki = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
        let webpki = webpki.map_err(|error| format!("invalid ca_cert of the target: {error}"))?;
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok).collect();
        Ok(Self { webpki, certificates })
    }
}

impl ServerCertVerifier for PinnedCaVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.webpki.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            // webpki checks the validity period before this error. The handshake proves that the server has the key.
            Err(rustls::Error::InvalidCertificate(error))
                if is_ca_certificate_error(&error) && self.certificates.contains(end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))
                if self.certificates.contains(end_entity) =>
            {
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
        self.webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// Returns whether a certificate was rejected because it is a CA certificate. rustls has no error variant for it.
pub(super) fn is_ca_certificate_error(error: &CertificateError) -> bool {
    format!("{error:?}").contains("CaUsedAsEndEntity")
}

/// Returns whether a certificate was rejected because of its X.509 version. rustls has no error variant for it.
pub(super) fn is_version_error(error: &CertificateError) -> bool {
    format!("{error:?}").contains("UnsupportedCertVersion")
}

/// Returns the root certificates of this machine, which are read once.
pub(super) fn native_roots() -> Result<Arc<RootCertStore>, String> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let load = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    };
    let roots = ROOTS.get_or_init(load);
    match roots.is_empty() {
        // Otherwise the error would blame the target's certificate.
        true => Err("the sender has no root certificates to verify the target's certificate".to_owned()),
        false => Ok(Arc::clone(roots)),
    }
}
