//! Targets that speak TLS, or should.

use std::sync::atomic::AtomicBool;

use http_body_util::Full;

use super::server::{Authority, Certificate, OK, Target, VALID, serves_by_itself};
use super::*;

fn https(target: &Target) -> Url {
    url("https", "hooks.example.com", target.port)
}

async fn post_to(client: &Client, target: &Target, authority: &Authority) -> Exchange {
    post_with(client, &https(target), AMPLE, Some(&authority.pem)).await
}

fn answer(body: impl Into<Bytes>) -> http::Response<Full<Bytes>> {
    http::Response::new(Full::new(body.into()))
}

#[tokio::test]
async fn a_private_authority_is_trusted_by_the_target_that_names_it_alone() {
    let (client, ours) = (local(), Authority::new());
    let target = ours.serves(&VALID).await;
    let exchange = post_to(&client, &target, &ours).await;
    succeeded(&exchange);
    assert_eq!((exchange.version, exchange.answer.as_deref()), (Some(Version::HTTP_11), Some("ok")));
    assert!(exchange.phases.tls.is_some());
    for theirs in [Authority::new(), Authority::named("Another authority")] {
        let both = format!("{}\n{}", theirs.pem, ours.pem);
        succeeded(&post_with(&client, &https(&target), AMPLE, Some(&both)).await);
        let exchange = post_to(&client, &target, &theirs).await;
        let words = "the certificate is not valid: unknown issuer: not signed by the target's ca_cert";
        failed(&exchange, FailureClass::Tls, words);
        assert!(exchange.phases.connect.is_some() && exchange.phases.tls.is_none() && exchange.address.is_some());
    }
    let exchange = post_with(&client, &https(&target), AMPLE, None).await;
    // Where this machine has no certificates at all, that is said.
    let words = if rustls_native_certs::load_native_certs().certs.is_empty() { "no root" } else { "unknown issuer" };
    failed(&exchange, FailureClass::Tls, words);
}

#[tokio::test]
async fn wrong_certificates() {
    let authority = Authority::new();
    for (certificate, words) in [
        (Certificate { years: (2000, 2020), ..VALID }, "the certificate is not valid: expired"),
        (Certificate { years: (2070, 2080), ..VALID }, "the certificate is not valid: not valid yet"),
        (
            Certificate { name: "other.example.com", ..VALID },
            "the certificate is not valid: wrong name: issued for other.example.com, not for hooks.example.com",
        ),
    ] {
        let target = authority.serves(&certificate).await;
        let exchange = post_to(&local(), &target, &authority).await;
        failed(&exchange, FailureClass::Tls, words);
    }
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_trusted_by_who_names_it() {
    let (target, pem) = serves_by_itself(&VALID).await;
    let named = post_with(&local(), &https(&target), AMPLE, Some(&pem)).await;
    succeeded(&named);
    let words = "a server may have only where the target's ca_cert names it";
    failed(&post_to(&local(), &target, &Authority::new()).await, FailureClass::Tls, words);
    // Named or not, it must be in its time, and of the right name.
    for (certificate, words) in [
        (Certificate { years: (2000, 2020), ..VALID }, "expired"),
        (Certificate { years: (2070, 2080), ..VALID }, "not valid yet"),
        (Certificate { name: "other.example.com", ..VALID }, "wrong name: issued for other.example.com"),
    ] {
        let (target, pem) = serves_by_itself(&certificate).await;
        failed(&post_with(&local(), &https(&target), AMPLE, Some(&pem)).await, FailureClass::Tls, words);
    }
}

#[tokio::test]
async fn versions_and_names_that_work() {
    static OLDER: [&rustls::SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
    let authority = Authority::new();
    let target = authority.serves(&Certificate { versions: &OLDER, ..VALID }).await;
    succeeded(&post_to(&local(), &target, &authority).await);
    let dotted = url("https", "hooks.example.com.", target.port);
    succeeded(&post_with(&local(), &dotted, AMPLE, Some(&authority.pem)).await);
    let target = authority.serves(&Certificate { name: "127.0.0.1", ..VALID }).await;
    succeeded(&post_with(&local(), &url("https", "127.0.0.1", target.port), AMPLE, Some(&authority.pem)).await);
}

#[tokio::test]
async fn certificates_that_cannot_be_read() {
    let made = Authority::new().pem;
    let spoilt = made.replace("MII", "XXX");
    for (pem, reason) in [
        (String::new(), "at least one certificate"),
        ("hello".to_owned(), "at least one certificate"),
        (made.replace("CERTIFICATE", "PUBLIC KEY"), "at least one certificate"),
        (made.replace("-----END CERTIFICATE-----", ""), "certificate 1"),
        (spoilt.clone(), "certificate 1"),
        (format!("{made}\n{spoilt}"), "certificate 2"),
    ] {
        let refused = webhook::parse_trust_anchors(&pem).unwrap_err();
        assert!(refused.contains(reason), "{refused}");
        let exchange = post_with(&local(), &url("https", "hooks.example.com", 1), AMPLE, Some(&pem)).await;
        failed(&exchange, FailureClass::Tls, &format!("the target's ca_cert cannot be used: {refused}"));
    }
}

#[tokio::test]
async fn what_is_not_tls() {
    let authority = Authority::new();
    let target = Target::new(|mut stream| async move {
        drop(tokio::io::AsyncWriteExt::write_all(&mut stream, OK).await);
        drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
    })
    .await;
    let exchange = post_to(&local(), &target, &authority).await;
    failed(&exchange, FailureClass::Tls, "what answers there does not speak TLS");
    let target = Target::new(|stream| async { drop(stream) }).await;
    failed(&post_to(&local(), &target, &authority).await, FailureClass::Tls, "during the TLS handshake");
    let target = Target::goes_on(b"", b"", AMPLE).await;
    let exchange = post_with(&local(), &https(&target), SHORT, Some(&authority.pem)).await;
    failed(&exchange, FailureClass::Timeout, "0.3 s: connected, but the TLS handshake did not end");
    assert!(exchange.phases.connect.is_some() && exchange.phases.tls.is_none());
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_offered() {
    let (client, authority) = (local(), Authority::new());
    let target = authority.serves_http2(|body| async { answer(body) }).await;
    let exchange = post_to(&client, &target, &authority).await;
    succeeded(&exchange);
    assert_eq!((exchange.version, exchange.answer.as_deref()), (Some(Version::HTTP_2), Some("{}")));
    assert!(exchange.phases.tls.is_some() && !exchange.reused);
    let exchange = post_to(&client, &target, &authority).await;
    succeeded(&exchange);
    assert!(exchange.reused && exchange.phases.tls.is_none());
    let posts = (0..20).map(|_| {
        let (client, url, pem) = (client.clone(), https(&target), authority.pem.clone());
        tokio::spawn(async move { post_with(&client, &url, AMPLE, Some(&pem)).await })
    });
    for post in posts.collect::<Vec<_>>() {
        let exchange = post.await.unwrap();
        succeeded(&exchange);
        assert!(exchange.reused);
    }
    assert_eq!(target.accepted(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_at_once_where_nobody_knows_that_it_is() {
    let (client, authority) = (local(), Authority::new());
    let target = authority.serves_http2(|body| async { answer(body) }).await;
    let posts = (0..20).map(|_| {
        let (client, url, pem) = (client.clone(), https(&target), authority.pem.clone());
        tokio::spawn(async move { post_with(&client, &url, AMPLE, Some(&pem)).await })
    });
    let mut fresh = 0;
    for post in posts.collect::<Vec<_>>() {
        let exchange = post.await.unwrap();
        succeeded(&exchange);
        assert_eq!(exchange.reused, exchange.phases.tls.is_none());
        fresh += usize::from(!exchange.reused);
    }
    assert!(fresh >= 1);
}

#[tokio::test]
async fn an_http2_connection_that_went_silent_is_left() {
    let (client, authority, silent) = (local(), Authority::new(), Arc::new(AtomicBool::new(true)));
    let target = authority
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
    let exchange = post_with(&client, &https(&target), SHORT, Some(&authority.pem)).await;
    failed(&exchange, FailureClass::Timeout, "0.3 s: connected, but no answer came");
    let exchange = post_to(&client, &target, &authority).await;
    succeeded(&exchange);
    assert!(!exchange.reused);
    assert_eq!(target.accepted(), 2);
}

#[tokio::test]
async fn http2_answers_have_bounds() {
    let (client, authority) = (local(), Authority::new());
    let target = authority.serves_http2(|_| async { answer(vec![b'y'; 10 << 20]) }).await;
    let exchange = post_to(&client, &target, &authority).await;
    succeeded(&exchange);
    assert_eq!(exchange.answer, Some("y".repeat(KEPT_ANSWER)));
    // It is no connection to go on with.
    assert!(!post_to(&client, &target, &authority).await.reused);
    let target = authority
        .serves_http2(|_| async {
            let mut answer = answer("");
            for number in 0..100 {
                let name = HeaderName::try_from(format!("x-{number}")).unwrap();
                answer.headers_mut().insert(name, "y".repeat(1000).parse().unwrap());
            }
            answer
        })
        .await;
    let exchange = post_to(&client, &target, &authority).await;
    failed(&exchange, FailureClass::Exchange, "its headers are too large");
}
