//! Servers with TLS.

use std::sync::atomic::AtomicBool;

use http_body_util::Full;

use super::server::{Authority, Certificate, OK, Server, VALID, serves_self_signed};
use super::*;

fn https(server: &Server) -> Url {
    url("https", "hooks.example.com", server.port)
}

async fn post_to(client: &Client, server: &Server, authority: &Authority) -> Exchange {
    post_with(client, &https(server), LONG_TIMEOUT, Some(&authority.pem)).await
}

fn answer(body: impl Into<Bytes>) -> http::Response<Full<Bytes>> {
    http::Response::new(Full::new(body.into()))
}

#[tokio::test]
async fn a_private_ca_is_trusted_for_its_own_target_only() {
    let (client, ours) = (local_client(), Authority::new());
    let server = ours.serves(&VALID).await;
    let exchange = post_to(&client, &server, &ours).await;
    assert_succeeded(&exchange);
    assert_eq!((exchange.version, exchange.response_text.as_deref()), (Some(Version::HTTP_11), Some("ok")));
    assert!(exchange.phases.tls.is_some());
    for theirs in [Authority::new(), Authority::named("Another authority")] {
        let both = format!("{}\n{}", theirs.pem, ours.pem);
        assert_succeeded(&post_with(&client, &https(&server), LONG_TIMEOUT, Some(&both)).await);
        let exchange = post_to(&client, &server, &theirs).await;
        let message = "the certificate is not valid: unknown issuer: not signed by the target's ca_cert";
        assert_failed(&exchange, FailureClass::Tls, message);
        assert!(exchange.phases.connect.is_some() && exchange.phases.tls.is_none() && exchange.address.is_some());
    }
    let exchange = post_with(&client, &https(&server), LONG_TIMEOUT, None).await;
    // A machine without root certificates has an error of its own.
    let message = if rustls_native_certs::load_native_certs().certs.is_empty() { "no root" } else { "unknown issuer" };
    assert_failed(&exchange, FailureClass::Tls, message);
}

#[tokio::test]
async fn invalid_certificates_are_rejected() {
    let authority = Authority::new();
    for (certificate, message) in [
        (Certificate { years: (2000, 2020), ..VALID }, "the certificate is not valid: expired"),
        (Certificate { years: (2070, 2080), ..VALID }, "the certificate is not valid: not valid yet"),
        (
            Certificate { name: "other.example.com", ..VALID },
            "the certificate is not valid: wrong name: issued for other.example.com, not for hooks.example.com",
        ),
    ] {
        let server = authority.serves(&certificate).await;
        let exchange = post_to(&local_client(), &server, &authority).await;
        assert_failed(&exchange, FailureClass::Tls, message);
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_as_its_own_ca_cert() {
    let (server, pem) = serves_self_signed(&VALID).await;
    let named = post_with(&local_client(), &https(&server), LONG_TIMEOUT, Some(&pem)).await;
    assert_succeeded(&named);
    let message = "which a server may use only if it is the target's ca_cert";
    assert_failed(&post_to(&local_client(), &server, &Authority::new()).await, FailureClass::Tls, message);
    // Its validity period and its name are checked too.
    for (certificate, message) in [
        (Certificate { years: (2000, 2020), ..VALID }, "expired"),
        (Certificate { years: (2070, 2080), ..VALID }, "not valid yet"),
        (Certificate { name: "other.example.com", ..VALID }, "wrong name: issued for other.example.com"),
    ] {
        let (server, pem) = serves_self_signed(&certificate).await;
        assert_failed(
            &post_with(&local_client(), &https(&server), LONG_TIMEOUT, Some(&pem)).await,
            FailureClass::Tls,
            message,
        );
    }
}

#[tokio::test]
async fn an_issued_certificate_is_trusted_as_its_own_ca_cert() {
    let authority = Authority::new();
    for name in ["hooks.example.com", "other.example.com"] {
        let (server, pem) = authority.serves_leaf(&Certificate { name, ..VALID }).await;
        assert_succeeded(&post_with(&local_client(), &https(&server), LONG_TIMEOUT, Some(&pem)).await);
        // Another certificate of the same CA is not trusted.
        let other = authority.serves(&VALID).await;
        let exchange = post_with(&local_client(), &https(&other), LONG_TIMEOUT, Some(&pem)).await;
        assert_failed(&exchange, FailureClass::Tls, "unknown issuer");
    }
    for (years, message) in [((2000, 2020), "expired"), ((2070, 2080), "not valid yet")] {
        let (server, pem) = authority.serves_leaf(&Certificate { years, ..VALID }).await;
        let exchange = post_with(&local_client(), &https(&server), LONG_TIMEOUT, Some(&pem)).await;
        assert_failed(&exchange, FailureClass::Tls, message);
    }
}

/// Length of the connection preface and of the header of a frame, in bytes (RFC 9113, sections 3.4 and 4.1).
const PREFACE_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 9;

/// Returns whether these bytes of an HTTP/2 client contain the beginning of a HEADERS frame.
fn has_request(bytes: &[u8]) -> bool {
    let mut at = PREFACE_BYTES;
    while let Some(header) = bytes.get(at..at + FRAME_HEADER_BYTES) {
        if header[3] == 1 {
            return true;
        }
        at +=
            FRAME_HEADER_BYTES + usize::from(header[0]) * 65536 + usize::from(header[1]) * 256 + usize::from(header[2]);
    }
    false
}

/// Starts an HTTP/2 server that answers the first `refusals` requests with a `GOAWAY` or with `REFUSED_STREAM`.
async fn serves_refusals(authority: &Authority, refusals: usize, goes_away: bool) -> Server {
    let (acceptor, refused) = (authority.acceptor(&Certificate { protocols: &[b"h2"], ..VALID }), Arc::default());
    Server::new(move |stream| {
        let (acceptor, refused): (_, Arc<AtomicUsize>) = (acceptor.clone(), Arc::clone(&refused));
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            if goes_away && refused.fetch_add(1, Ordering::Relaxed) < refusals {
                // Empty SETTINGS, and GOAWAY with 0 as the last stream and NO_ERROR.
                let frames = [&[0, 0, 0, 4, 0, 0, 0, 0, 0][..], &[0, 0, 8, 7, 0, 0, 0, 0, 0], &[0; 8]].concat();
                let mut read = Vec::new();
                while !has_request(&read) {
                    if !matches!(tokio::io::AsyncReadExt::read_buf(&mut stream, &mut read).await, Ok(1..)) {
                        return;
                    }
                }
                drop(tokio::io::AsyncWriteExt::write_all(&mut stream, &frames).await);
                drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
                return;
            }
            let Ok(mut http2) = h2::server::handshake(stream).await else { return };
            while let Some(Ok((_, mut response))) = http2.accept().await {
                if !goes_away && refused.fetch_add(1, Ordering::Relaxed) < refusals {
                    response.send_reset(h2::Reason::REFUSED_STREAM);
                } else {
                    drop(response.send_response(http::Response::new(()), true));
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn requests_that_were_not_processed_are_sent_again() {
    let authority = Authority::new();
    for goes_away in [false, true] {
        let server = serves_refusals(&authority, 3, goes_away).await;
        assert_succeeded(&post_to(&local_client(), &server, &authority).await);
        let server = serves_refusals(&authority, usize::MAX, goes_away).await;
        let exchange = post_to(&local_client(), &server, &authority).await;
        let message = "the target refused the request before processing it (HTTP/2 ";
        assert_failed(&exchange, FailureClass::Exchange, message);
    }
}

#[tokio::test]
async fn tls_1_2_dotted_names_and_addresses_work() {
    static OLDER: [&rustls::SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
    let authority = Authority::new();
    let server = authority.serves(&Certificate { versions: &OLDER, ..VALID }).await;
    assert_succeeded(&post_to(&local_client(), &server, &authority).await);
    let dotted = url("https", "hooks.example.com.", server.port);
    assert_succeeded(&post_with(&local_client(), &dotted, LONG_TIMEOUT, Some(&authority.pem)).await);
    let server = authority.serves(&Certificate { name: "127.0.0.1", ..VALID }).await;
    assert_succeeded(
        &post_with(&local_client(), &url("https", "127.0.0.1", server.port), LONG_TIMEOUT, Some(&authority.pem)).await,
    );
}

#[tokio::test]
async fn malformed_ca_certificates_are_rejected() {
    let made = Authority::new().pem;
    let corrupted = made.replace("MII", "XXX");
    for (pem, reason) in [
        (String::new(), "at least one PEM certificate"),
        ("hello".to_owned(), "at least one PEM certificate"),
        (made.replace("CERTIFICATE", "PUBLIC KEY"), "at least one PEM certificate"),
        (made.replace("-----END CERTIFICATE-----", ""), "certificate 1"),
        (corrupted.clone(), "certificate 1"),
        (format!("{made}\n{corrupted}"), "certificate 2"),
    ] {
        let error = webhook::parse_trust_anchors(&pem).unwrap_err();
        assert!(error.contains(reason), "{error}");
        let exchange =
            post_with(&local_client(), &url("https", "hooks.example.com", 1), LONG_TIMEOUT, Some(&pem)).await;
        assert_failed(&exchange, FailureClass::Tls, &format!("invalid ca_cert of the target: {error}"));
    }
}

#[tokio::test]
async fn servers_without_tls_are_rejected() {
    let authority = Authority::new();
    let server = Server::new(|mut stream| async move {
        drop(tokio::io::AsyncWriteExt::write_all(&mut stream, OK).await);
        drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
    })
    .await;
    let exchange = post_to(&local_client(), &server, &authority).await;
    assert_failed(&exchange, FailureClass::Tls, "the server does not support TLS");
    let server = Server::new(|stream| async { drop(stream) }).await;
    assert_failed(&post_to(&local_client(), &server, &authority).await, FailureClass::Tls, "during the TLS handshake");
    let server = Server::repeats(b"", b"", LONG_TIMEOUT).await;
    let exchange = post_with(&local_client(), &https(&server), SHORT_TIMEOUT, Some(&authority.pem)).await;
    assert_failed(&exchange, FailureClass::Timeout, "0.3 s: connected, but the TLS handshake did not end");
    assert!(exchange.phases.connect.is_some() && exchange.phases.tls.is_none());
}

#[tokio::test]
async fn http2_is_used_if_the_server_offers_it() {
    let (client, authority) = (local_client(), Authority::new());
    let server = authority.serves_http2(|body| async { answer(body) }).await;
    let exchange = post_to(&client, &server, &authority).await;
    assert_succeeded(&exchange);
    assert_eq!((exchange.version, exchange.response_text.as_deref()), (Some(Version::HTTP_2), Some("{}")));
    assert!(exchange.phases.tls.is_some() && !exchange.reused);
    let exchange = post_to(&client, &server, &authority).await;
    assert_succeeded(&exchange);
    assert!(exchange.reused && exchange.phases.tls.is_none());
    let posts = (0..20).map(|_| {
        let (client, url, pem) = (client.clone(), https(&server), authority.pem.clone());
        tokio::spawn(async move { post_with(&client, &url, LONG_TIMEOUT, Some(&pem)).await })
    });
    for post in posts.collect::<Vec<_>>() {
        let exchange = post.await.unwrap();
        assert_succeeded(&exchange);
        assert!(exchange.reused);
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_first_requests_work_with_http2() {
    let (client, authority) = (local_client(), Authority::new());
    let server = authority.serves_http2(|body| async { answer(body) }).await;
    let posts = (0..20).map(|_| {
        let (client, url, pem) = (client.clone(), https(&server), authority.pem.clone());
        tokio::spawn(async move { post_with(&client, &url, LONG_TIMEOUT, Some(&pem)).await })
    });
    let mut fresh = 0;
    for post in posts.collect::<Vec<_>>() {
        let exchange = post.await.unwrap();
        assert_succeeded(&exchange);
        assert_eq!(exchange.reused, exchange.phases.tls.is_none());
        fresh += usize::from(!exchange.reused);
    }
    assert!(fresh >= 1);
}

#[tokio::test]
async fn a_silent_http2_connection_is_discarded() {
    let (client, authority, silent) = (local_client(), Authority::new(), Arc::new(AtomicBool::new(true)));
    let server = authority
        .serves_http2(move |body| {
            let silent = Arc::clone(&silent);
            async move {
                if silent.swap(false, Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
                answer(body)
            }
        })
        .await;
    let exchange = post_with(&client, &https(&server), SHORT_TIMEOUT, Some(&authority.pem)).await;
    assert_failed(&exchange, FailureClass::Timeout, "0.3 s: connected, but received no response");
    let exchange = post_to(&client, &server, &authority).await;
    assert_succeeded(&exchange);
    assert!(!exchange.reused);
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn http2_responses_are_limited() {
    let (client, authority) = (local_client(), Authority::new());
    let server = authority.serves_http2(|_| async { answer(vec![b'y'; 10 << 20]) }).await;
    let exchange = post_to(&client, &server, &authority).await;
    assert_succeeded(&exchange);
    assert_eq!(exchange.response_text, Some("y".repeat(MAX_STORED_RESPONSE_BYTES)));
    // The connection is discarded.
    assert!(!post_to(&client, &server, &authority).await.reused);
    let server = authority
        .serves_http2(|_| async {
            let mut answer = answer("");
            for number in 0..100 {
                let name = HeaderName::try_from(format!("x-{number}")).unwrap();
                answer.headers_mut().insert(name, "y".repeat(1000).parse().unwrap());
            }
            answer
        })
        .await;
    let exchange = post_to(&client, &server, &authority).await;
    assert_failed(&exchange, FailureClass::Exchange, "its headers are too large");
}
