//! Allowed and forbidden destinations.

use super::server::Server;
use super::*;

#[tokio::test]
async fn a_failed_dns_lookup_is_reported() {
    let exchange = post(&client_resolving(&[&[]]), 80).await;
    assert_failed(&exchange, FailureClass::Dns, "failed to resolve hooks.example.com: no such host");
    assert_eq!((exchange.address, exchange.phases.dns), (None, None));
    let exchange =
        post_with(&Client::new(SsrfGuard::default()), &url("http", "unknown.invalid", 80), LONG_TIMEOUT, None).await;
    assert_failed(&exchange, FailureClass::Dns, "failed to resolve unknown.invalid: ");
}

#[tokio::test]
async fn a_dns_lookup_without_end_times_out() {
    struct Never;
    impl Network for Never {
        fn resolve(&self, _: &str) -> Lookup {
            Box::pin(std::future::pending())
        }
    }
    let client = Client::with_network(SsrfGuard::default(), Never);
    let exchange = post_with(&client, &url("http", "hooks.example.com", 80), SHORT_TIMEOUT, None).await;
    let message = "no complete response within 0.3 s: the DNS lookup did not end";
    assert_failed(&exchange, FailureClass::Timeout, message);
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_blocked() {
    let exchange = post(&client_resolving(&[&["10.0.0.5"]]), 80).await;
    let message = "hooks.example.com does not resolve to a public address";
    assert_failed(&exchange, FailureClass::Forbidden, message);
    assert_eq!(exchange.address, None);
    assert!(exchange.phases.dns.is_some() && exchange.phases.connect.is_none());
    let message = exchange.failure.expect("a failure").message;
    assert!(!message.contains("10.0.0.5"), "{message} discloses an address of an internal network");
}

#[tokio::test]
async fn plain_http_can_be_forbidden() {
    let resolver = scripted_resolver(&[&["93.184.216.34"]]);
    let client = Client::with_network(SsrfGuard::default().with_https_only(true), Arc::clone(&resolver));
    let exchange = post_with(&client, &url("http", "hooks.example.com", 80), LONG_TIMEOUT, None).await;
    assert_failed(&exchange, FailureClass::Forbidden, "only to https addresses");
    assert_eq!(*resolver.hosts.lock().unwrap(), [""; 0], "the name was resolved");
}

#[tokio::test]
async fn only_the_allowed_addresses_of_a_name_are_used() {
    let server = Server::responds_ok(1).await;
    let exchange = post(&client_resolving(&[&["10.0.0.5", "::1", "127.0.0.1", "169.254.169.254"]]), server.port).await;
    assert_succeeded(&exchange);
    assert_eq!(exchange.address, Some(([127, 0, 0, 1], server.port).into()));
}

#[tokio::test]
async fn dns_rebinding_is_prevented() {
    let server = Server::responds_ok(1).await;
    let resolver = scripted_resolver(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let client = Client::with_network("127.0.0.0/8".parse().unwrap(), Arc::clone(&resolver));
    // The check and the connection use the same lookup.
    assert_succeeded(&post(&client, server.port).await);
    assert_eq!(resolver.lookups.load(Ordering::Relaxed), 1);
    // The server closed the connection. The next connection needs another lookup, which is checked too.
    loop {
        let exchange = post(&client, server.port).await;
        if exchange.reused {
            continue;
        }
        assert_failed(&exchange, FailureClass::Forbidden, "does not resolve to a public address");
        break;
    }
}

#[tokio::test]
async fn private_addresses_are_blocked_in_every_notation() {
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "169.254.169.254",
        "0xa9fea9fe",
        "10.0.0.1",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
    ] {
        let resolver = scripted_resolver(&[&[]]);
        let client = Client::with_network(SsrfGuard::default(), Arc::clone(&resolver));
        let exchange = post_with(&client, &url("http", host, 80), LONG_TIMEOUT, None).await;
        assert_failed(&exchange, FailureClass::Forbidden, "is not a public address");
        assert_eq!(exchange.address, None, "{host}");
        assert_eq!(*resolver.hosts.lock().unwrap(), [""; 0], "{host} was resolved");
    }
}

#[tokio::test]
async fn names_of_this_machine_are_blocked_by_their_addresses() {
    for host in ["localhost.", "LOCALHOST", "127.0.0.1.example.com"] {
        let client = Client::with_network(SsrfGuard::default(), scripted_resolver(&[&["127.0.0.1", "::1"]]));
        let exchange = post_with(&client, &url("http", host, 80), LONG_TIMEOUT, None).await;
        assert_failed(&exchange, FailureClass::Forbidden, "does not resolve to a public address");
    }
    let exchange =
        post_with(&Client::new(SsrfGuard::default()), &url("http", "localhost", 80), LONG_TIMEOUT, None).await;
    assert_failed(&exchange, FailureClass::Forbidden, "localhost does not resolve to a public address");
}

#[tokio::test]
async fn other_schemes_are_rejected() {
    let exchange = post_with(&local_client(), &url("ftp", "hooks.example.com", 80), LONG_TIMEOUT, None).await;
    assert_failed(&exchange, FailureClass::Exchange, "neither http nor https");
}
