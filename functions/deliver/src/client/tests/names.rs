//! Where requests go, and where they must not.

use super::server::Target;
use super::*;

#[tokio::test]
async fn a_name_that_cannot_be_looked_up() {
    let exchange = post(&client(&[&[]]), 80).await;
    failed(&exchange, FailureClass::Dns, "hooks.example.com cannot be looked up: no such host");
    assert_eq!((exchange.address, exchange.phases.dns), (None, None));
    let exchange = post_with(&Client::new(Guard::default()), &url("http", "nobody.invalid", 80), AMPLE, None).await;
    failed(&exchange, FailureClass::Dns, "nobody.invalid cannot be looked up: ");
}

#[tokio::test]
async fn a_look_up_that_does_not_end() {
    struct Never;
    impl Resolve for Never {
        fn look_up(&self, _: &str) -> LookUp {
            Box::pin(std::future::pending())
        }
    }
    let client = Client::with_resolver(Guard::default(), Never);
    let exchange = post_with(&client, &url("http", "hooks.example.com", 80), SHORT, None).await;
    let words = "no complete answer within 0.3 s: the look-up of the name did not end";
    failed(&exchange, FailureClass::Timeout, words);
}

#[tokio::test]
async fn a_name_that_resolves_inside_is_not_dialled() {
    let exchange = post(&client(&[&["10.0.0.5"]]), 80).await;
    let words = "hooks.example.com resolves to 10.0.0.5, which may not be dialled";
    failed(&exchange, FailureClass::Forbidden, words);
    assert_eq!(exchange.address, None);
    assert!(exchange.phases.dns.is_some() && exchange.phases.connect.is_none());
    let many = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"];
    failed(&post(&client(&[&many]), 80).await, FailureClass::Forbidden, "10.0.0.4, …, which");
}

#[tokio::test]
async fn of_several_addresses_those_that_may_be_are_dialled() {
    let target = Target::good(1).await;
    let exchange = post(&client(&[&["10.0.0.5", "::1", "127.0.0.1", "169.254.169.254"]]), target.port).await;
    succeeded(&exchange);
    assert_eq!(exchange.address, Some(([127, 0, 0, 1], target.port).into()));
}

#[tokio::test]
async fn a_name_that_changes_between_two_look_ups_gains_nothing() {
    let target = Target::good(1).await;
    let names = names(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let client = Client::with_resolver("127.0.0.0/8".parse().unwrap(), Arc::clone(&names));
    // One look-up for what is vetted and what is dialled.
    succeeded(&post(&client, target.port).await);
    assert_eq!(names.asked.load(Ordering::Relaxed), 1);
    // The target closed the connection: the next one is looked up anew, and vetted anew.
    loop {
        let exchange = post(&client, target.port).await;
        if exchange.reused {
            continue;
        }
        failed(&exchange, FailureClass::Forbidden, "169.254.169.254");
        break;
    }
}

#[tokio::test]
async fn inside_addresses_are_seen_in_every_notation() {
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
        let names = names(&[&[]]);
        let client = Client::with_resolver(Guard::default(), Arc::clone(&names));
        let exchange = post_with(&client, &url("http", host, 80), AMPLE, None).await;
        failed(&exchange, FailureClass::Forbidden, "may not be dialled");
        assert_eq!(exchange.address, None, "{host}");
        assert_eq!(*names.hosts.lock().unwrap(), [""; 0], "{host} was looked up");
    }
}

#[tokio::test]
async fn names_of_this_machine_are_seen_by_their_addresses() {
    for host in ["localhost.", "LOCALHOST", "127.0.0.1.example.com"] {
        let client = Client::with_resolver(Guard::default(), names(&[&["127.0.0.1", "::1"]]));
        let exchange = post_with(&client, &url("http", host, 80), AMPLE, None).await;
        failed(&exchange, FailureClass::Forbidden, "resolves to 127.0.0.1, ::1, which may not be dialled");
    }
    let exchange = post_with(&Client::new(Guard::default()), &url("http", "localhost", 80), AMPLE, None).await;
    failed(&exchange, FailureClass::Forbidden, "localhost resolves to ");
}

#[tokio::test]
async fn only_http_is_spoken() {
    let exchange = post_with(&local(), &url("ftp", "hooks.example.com", 80), AMPLE, None).await;
    failed(&exchange, FailureClass::Exchange, "neither http nor https");
}
