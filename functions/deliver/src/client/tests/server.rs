//! Hand-written servers, for behaviour that HTTP libraries prevent.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(super) const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server on a loopback address.
pub(super) struct Server {
    pub(super) port: u16,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    /// Starts a server that runs `serve` for each connection.
    pub(super) async fn new<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, accepted) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream));
            }
        });
        Self { port, accepted }
    }

    /// Starts a server that answers each request with `OK` and closes each connection after `requests` requests.
    pub(super) async fn responds_ok(requests: usize) -> Self {
        Self::new(move |mut stream| async move {
            for _ in 0..requests {
                if read_request(&mut stream).await.is_none() {
                    return;
                }
                stream.write_all(OK).await.unwrap();
            }
        })
        .await
    }

    /// Starts a server that reads a request, writes this response and closes the connection.
    pub(super) async fn responds(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = Arc::from(answer.into());
        Self::new(move |mut stream| {
            let answer = Arc::clone(&answer);
            async move {
                read_request(&mut stream).await;
                drop(stream.write_all(&answer).await);
            }
        })
        .await
    }

    /// Starts a server that reads a request, writes `first`, and then `then` repeatedly.
    pub(super) async fn repeats(first: &'static [u8], then: &'static [u8], pause: std::time::Duration) -> Self {
        Self::new(move |mut stream| async move {
            read_request(&mut stream).await;
            let mut sent = stream.write_all(first).await;
            while sent.is_ok() {
                sent = stream.write_all(then).await;
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
        })
        .await
    }

    /// Returns the number of accepted connections.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

/// Reads a request with a `Content-Length`. Returns its head as text and its body; `None` if the connection was closed.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
        let Some(head) = read.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
        let text = String::from_utf8(read[..head].to_vec()).unwrap().to_lowercase();
        let length = text.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse::<usize>().unwrap();
        while read.len() < head + 4 + length {
            stream.read_buf(&mut read).await.ok().filter(|read| *read > 0)?;
        }
        return Some((text, read[head + 4..].to_vec()));
    }
}

/// A private certificate authority.
pub(super) struct Authority {
    pub(super) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// The properties of a certificate and its server. [`VALID`] is valid.
pub(super) struct Certificate {
    pub(super) name: &'static str,
    pub(super) years: (i32, i32),
    pub(super) protocols: &'static [&'static [u8]],
    pub(super) versions: &'static [&'static SupportedProtocolVersion],
}

pub(super) const VALID: Certificate =
    Certificate { name: "hooks.example.com", years: (2000, 2080), protocols: &[], versions: rustls::DEFAULT_VERSIONS };

impl Authority {
    pub(super) fn new() -> Self {
        Self::named("Test authority")
    }

    pub(super) fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    pub(super) fn acceptor(&self, certificate: &Certificate) -> TlsAcceptor {
        self.issue(certificate).0
    }

    /// Issues a certificate. Returns an acceptor with it, and the certificate.
    fn issue(&self, certificate: &Certificate) -> (TlsAcceptor, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![certificate.name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(certificate.years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(certificate.years.1, 1, 1);
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        (acceptor(&signed, &key, certificate), signed.pem())
    }

    /// Starts a server like [`Self::serves`]. Also returns its certificate.
    pub(super) async fn serves_leaf(&self, certificate: &Certificate) -> (Server, String) {
        let (acceptor, pem) = self.issue(certificate);
        (serves(acceptor).await, pem)
    }

    /// Starts a server that answers each request over TLS with `OK`.
    pub(super) async fn serves(&self, certificate: &Certificate) -> Server {
        serves(self.acceptor(certificate)).await
    }

    /// Starts an HTTP/2 server that answers each request with the result of `answer`.
    pub(super) async fn serves_http2<F>(&self, answer: impl Fn(Vec<u8>) -> F + Clone + Send + Sync + 'static) -> Server
    where
        F: Future<Output = http::Response<Full<bytes::Bytes>>> + Send + 'static,
    {
        let acceptor = self.acceptor(&Certificate { protocols: &[b"h2"], ..VALID });
        Server::new(move |stream| {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let answer = answer.clone();
                    async move {
                        assert!(!request.uri().to_string().contains("user"), "{}", request.uri());
                        let body = request.into_body().collect().await?.to_bytes();
                        Ok::<_, hyper::Error>(answer(body.to_vec()).await)
                    }
                });
                let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                drop(http2.serve_connection(TokioIo::new(stream), service).await);
            }
        })
        .await
    }
}

/// Starts a server with a self-signed CA certificate, as `openssl req -x509` creates it. Also returns the certificate.
pub(super) async fn serves_self_signed(certificate: &Certificate) -> (Server, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![certificate.name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(certificate.years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(certificate.years.1, 1, 1);
    let signed = params.self_signed(&key).unwrap();
    (serves(acceptor(&signed, &key, certificate)).await, signed.pem())
}

fn acceptor(signed: &rcgen::Certificate, key: &KeyPair, certificate: &Certificate) -> TlsAcceptor {
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_protocol_versions(certificate.versions).unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(vec![signed.der().clone()], private).unwrap();
    config.alpn_protocols = certificate.protocols.iter().map(|protocol| protocol.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

async fn serves(acceptor: TlsAcceptor) -> Server {
    Server::new(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            while read_request(&mut stream).await.is_some() {
                stream.write_all(OK).await.unwrap();
            }
        }
    })
    .await
}
