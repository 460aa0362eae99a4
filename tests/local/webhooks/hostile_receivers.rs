//! Misbehaving receivers and private addresses.

use std::time::Instant;

use e2e::Hostile::{Closes, Drips, EndlessBody, EndlessHeaders, EndlessInterim, Hangs, Resets, Sends};
use e2e::{MAX_WAIT, Receiver, hostile_receiver};
use serde_json::json;

use super::{delivery, post};
use crate::start;

#[tokio::test]
async fn attempts_to_misbehaving_receivers_end_in_time_with_a_reason() {
    let stack = start().await;
    let healthy = Receiver::start().await;
    stack.create_target("healthy", healthy.url(), &json!({})).await;
    let cases = [
        ("hangs", Hangs, "timeout", "connected, but received no byte"),
        ("drips", Drips, "timeout", "answered 200, then no complete response within 1 s"),
        ("endless-headers", EndlessHeaders, "exchange", "headers"),
        ("endless-interim", EndlessInterim, "exchange", "interim"),
        ("resets", Resets, "exchange", "reset"),
        ("closes", Closes, "exchange", "the connection was"),
        ("garbage", Sends("220 smtp.example.com ESMTP\r\n"), "exchange", "not HTTP"),
        ("lies", Sends("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"), "exchange", "answered 200, then"),
        ("nothing", Sends(""), "exchange", "the connection was"),
        (
            "redirects",
            Sends("HTTP/1.1 302 F\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"),
            "status",
            "redirects are not followed",
        ),
    ];
    for (name, kind, ..) in cases {
        let fields = json!({ "retry_count": 1, "timeout": "1s" });
        stack.create_target(name, &hostile_receiver(kind).await, &fields).await;
    }
    let started = Instant::now();
    let ids = post(&stack, 0..2).await;
    healthy.wait_for(2).await;
    for (name, _, class, text) in cases {
        for id in &ids {
            let failed = delivery(&stack, *id, name, "failed").await;
            let attempt = &failed["attempts"][0];
            assert_eq!(attempt["class"], class, "{name}: {failed}");
            assert!(attempt["error"].as_str().is_some_and(|error| error.contains(text)), "{name}: {failed}");
        }
    }
    assert!(started.elapsed() < MAX_WAIT, "{:?}", started.elapsed());
    stack.wait_until_idle().await;
}

#[tokio::test]
async fn one_kilobyte_of_an_endless_response_is_stored() {
    let stack = start().await;
    stack.create_target("endless", &hostile_receiver(EndlessBody).await, &json!({ "timeout": "30s" })).await;
    let ids = post(&stack, 0..1).await;
    let delivered = delivery(&stack, ids[0], "endless", "delivered").await;
    let attempt = &delivered["attempts"][0];
    assert_eq!(attempt["answer"].as_str().map(str::len), Some(1024));
    assert!(attempt["duration_ms"].as_u64().is_some_and(|ms| ms < 25_000), "{attempt}");
}

#[tokio::test]
async fn floods_do_not_keep_a_healthy_target_waiting() {
    let stack = start().await;
    let healthy = Receiver::start().await;
    stack.create_target("healthy", healthy.url(), &json!({})).await;
    let floods = [("interim", EndlessInterim), ("headers", EndlessHeaders), ("body", EndlessBody)];
    for (name, kind) in floods {
        // Each attempt fails and is repeated after a second: the floods continue during the whole test.
        let fields = json!({ "retry_count": 100, "retry_timeout": "1s", "timeout": "10s" });
        stack.create_target(name, &hostile_receiver(kind).await, &fields).await;
    }
    for number in 0..20 {
        let ids = post(&stack, number..number + 1).await;
        delivery(&stack, ids[0], "healthy", "delivered").await;
    }
    let waiting = stack.read().get("/v1/deliveries?target=interim&status=waiting").await.expect(200);
    let waiting = waiting["deliveries"].as_array().expect("deliveries");
    assert!(!waiting.is_empty(), "the flood continues");
}

#[tokio::test]
async fn private_addresses_are_blocked_in_every_notation() {
    let stack = start().await;
    let addresses = [
        "http://10.0.0.1/",
        "http://0xa000001/",
        "http://167772161/",
        "http://012.0.0.1/",
        "http://10.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:10.0.0.1]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[64:ff9b::a00:1]/",
        "http://[2002:a00:1::]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://[::]/",
        "http://0.0.0.0/",
        "http://100.64.0.1/",
        "http://１０.0.0.1/",
    ];
    for (number, address) in addresses.iter().enumerate() {
        stack.create_target(&format!("t{number}"), address, &json!({ "retry_count": 1 })).await;
    }
    let ids = post(&stack, 0..1).await;
    for (number, address) in addresses.iter().enumerate() {
        let failed = delivery(&stack, ids[0], &format!("t{number}"), "failed").await;
        assert_eq!(failed["attempts"][0]["class"], "forbidden", "{address}: {failed}");
    }
}
