//! Servers that respond badly, or not at all.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server::{Server, read_request};
use super::*;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n";
const NO_PAUSE: Duration = Duration::ZERO;
const PAUSE: Duration = Duration::from_millis(5);

async fn post_with_short_timeout(server: &Server) -> Exchange {
    post_with(&local_client(), &url("http", "hooks.example.com", server.port), SHORT_TIMEOUT, None).await
}

#[tokio::test]
async fn no_response() {
    let server = Server::repeats(b"", b"", PAUSE).await;
    let exchange = post_with_short_timeout(&server).await;
    let message = "no complete response within 0.3 s: connected, but received no byte";
    assert_eq!(exchange.failure.as_ref().unwrap().message, message);
    assert_failed(&exchange, FailureClass::Timeout, "");
    assert_eq!(exchange.address, Some(([127, 0, 0, 1], server.port).into()));
    assert!(exchange.phases.connect.is_some() && exchange.phases.first_byte.is_none());
    assert!(exchange.phases.total >= SHORT_TIMEOUT);
    assert_eq!((exchange.status, exchange.response_text), (None, None));
}

#[tokio::test]
async fn slow_responses_time_out() {
    let exchange = post_with_short_timeout(&Server::repeats(b"HTTP/1.1 200 OK\r\nx: ", b"y", PAUSE).await).await;
    assert_failed(&exchange, FailureClass::Timeout, "0.3 s: connected, but the response headers did not end");
    let exchange = post_with_short_timeout(&Server::repeats(HEAD, b"y", PAUSE).await).await;
    let message = "answered 200, then no complete response within 0.3 s: the response body did not end";
    assert_eq!(exchange.failure.as_ref().unwrap().message, message);
    assert_eq!((exchange.status, exchange.failure.unwrap().class), (Some(200), FailureClass::Timeout));
    assert!(exchange.response_text.unwrap().starts_with("yy"));
    let interim = Server::repeats(b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", PAUSE).await;
    assert_failed(&post_with_short_timeout(&interim).await, FailureClass::Timeout, "");
}

#[tokio::test]
async fn endless_interim_responses_are_rejected() {
    for interim in [
        &b"HTTP/1.1 100 Continue\r\n\r\n"[..],
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 103 Hints\r\nx: y\r\n\r\n",
    ] {
        let exchange = post(&local_client(), Server::repeats(b"", interim, NO_PAUSE).await.port).await;
        assert_failed(&exchange, FailureClass::Exchange, "received more than 100 interim (1xx) responses");
        assert_eq!(exchange.status, None);
    }
    // A few are allowed.
    let few = ["HTTP/1.1 103 Hints\r\nx: y\r\n\r\n"; 50].join("") + "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    assert_succeeded(&post(&local_client(), Server::responds(few).await.port).await);
}

#[tokio::test]
async fn compressed_responses_are_named() {
    let response = "HTTP/1.1 500 Error\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x08xx";
    let exchange = post(&local_client(), Server::responds(response).await.port).await;
    let expected = "(a response body with Content-Encoding: gzip, which the request did not accept)";
    assert_eq!(exchange.response_text.as_deref(), Some(expected));
}

#[tokio::test]
async fn endless_bodies_are_cut() {
    let (closed, mut closings) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::new(move |mut stream| {
        let closed = closed.clone();
        async move {
            read_request(&mut stream).await;
            let mut sent = stream.write_all(HEAD).await;
            while sent.is_ok() {
                sent = stream.write_all(&[b'y'; 1000]).await;
            }
            closed.send(()).unwrap();
        }
    })
    .await;
    let exchange = post(&local_client(), server.port).await;
    assert_succeeded(&exchange);
    assert_eq!(exchange.response_text, Some("y".repeat(MAX_STORED_RESPONSE_BYTES)));
    closings.recv().await.unwrap();
}

#[tokio::test]
async fn endless_headers_are_rejected() {
    for (first, then) in [
        (&b"HTTP/1.1 200 OK\r\n"[..], &b"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"[..]),
        (b"HTTP/1.1 200 OK\r\nx: ", b"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
        (b"HTTP/1.1 200 ", b"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
    ] {
        let exchange = post(&local_client(), Server::repeats(first, then, NO_PAUSE).await.port).await;
        assert_failed(&exchange, FailureClass::Exchange, "has too many headers, or they are too large");
        assert_eq!(exchange.status, None);
    }
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(101));
    let exchange = post(&local_client(), Server::responds(many).await.port).await;
    assert_failed(&exchange, FailureClass::Exchange, "has too many headers, or they are too large");
}

#[tokio::test]
async fn wrong_lengths_are_detected() {
    let early = "answered 200, then the connection was closed before the response was complete";
    for (response, message) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", early),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nshort", early),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nshort\r\n",
            "answered 200, then the response is not",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: -9\r\n\r\nshort", "not HTTP: invalid content-length"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 9\r\n\r\nshort", "not HTTP: invalid content-length"),
    ] {
        let exchange = post(&local_client(), Server::responds(response).await.port).await;
        assert_failed(&exchange, FailureClass::Exchange, message);
        assert_eq!(exchange.status.is_some(), exchange.response_text.is_some());
        if message == early {
            assert_eq!(exchange.response_text.as_deref(), Some("short"));
        }
    }
    // Bytes after the declared length do not belong to the response.
    let exchange =
        post(&local_client(), Server::responds("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokay").await.port).await;
    assert_succeeded(&exchange);
    assert_eq!(exchange.response_text.as_deref(), Some("ok"));
}

#[tokio::test]
async fn responses_that_are_not_http_are_rejected() {
    for response in
        ["SSH-2.0-OpenSSH_9.6\r\n", "\0\u{1}\u{2}\u{3}", "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n"]
    {
        let exchange = post(&local_client(), Server::responds(response).await.port).await;
        assert_failed(&exchange, FailureClass::Exchange, "the response is not HTTP: ");
    }
    // An empty response would be valid in HTTP/0.9, but not in HTTP/1.1.
    assert_failed(
        &post(&local_client(), Server::responds("").await.port).await,
        FailureClass::Exchange,
        "closed before",
    );
}

#[tokio::test]
async fn a_connection_closed_before_the_request_fails() {
    let exchange = post(&local_client(), Server::new(|stream| async { drop(stream) }).await.port).await;
    assert_failed(&exchange, FailureClass::Exchange, "the connection was ");
    assert!(exchange.address.is_some() && exchange.status.is_none());
}

#[tokio::test]
async fn a_connection_reset_during_the_response_fails() {
    for (response, status, message) in [
        (&b""[..], None, "the connection was reset"),
        (b"HTTP/1.1 200 OK\r\nx: ", None, "the connection was reset"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
            Some(200),
            "answered 200, then the connection was reset",
        ),
    ] {
        let go = Arc::new(tokio::sync::Notify::new());
        let server = Server::new({
            let go = Arc::clone(&go);
            move |mut stream| {
                let go = Arc::clone(&go);
                async move {
                    read_request(&mut stream).await;
                    stream.write_all(response).await.unwrap();
                    go.notified().await;
                    stream.set_zero_linger().unwrap();
                }
            }
        })
        .await;
        let client = local_client();
        let posting = post(&client, server.port);
        // The client needs time to read the response, because a reset may discard unread bytes.
        let exchange = tokio::join!(posting, async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            go.notify_one();
        })
        .0;
        assert_failed(&exchange, FailureClass::Exchange, message);
        assert_eq!(exchange.status, status);
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let other = Server::responds_ok(1).await;
    let response = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{}/\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
        other.port
    );
    let exchange = post(&local_client(), Server::responds(response).await.port).await;
    assert_eq!((exchange.status, &exchange.failure, exchange.response_text.as_deref()), (Some(302), &None, Some("")));
    assert_eq!(exchange.headers["retry-after"], "7");
    assert_eq!(other.accepted(), 0);
}

#[tokio::test]
async fn a_response_before_the_end_of_the_request_counts() {
    let server = Server::new(|mut stream| async move {
        drop(stream.read(&mut [0; 1000]).await);
        let response = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig";
        stream.write_all(response).await.unwrap();
    })
    .await;
    let url = url("http", "hooks.example.com", server.port);
    for _ in 0..20 {
        let body = Bytes::from(vec![b'x'; 16 << 20]);
        let request =
            Request { pool: "t", url: &url, headers: HeaderMap::new(), body, timeout: LONG_TIMEOUT, ca_cert: None };
        let exchange = local_client().post(request).await;
        assert_eq!((exchange.status, exchange.failure), (Some(413), None));
        assert_eq!(exchange.response_text.as_deref(), Some("big"));
    }
}

#[tokio::test]
async fn the_stored_response_is_valid_text() {
    for (body, stored) in [
        (vec![b'a'; 5000], "a".repeat(MAX_STORED_RESPONSE_BYTES)),
        ("ä".repeat(MAX_STORED_RESPONSE_BYTES).into_bytes(), "ä".repeat(MAX_STORED_RESPONSE_BYTES / 2)),
        (
            format!("a{}", "ä".repeat(MAX_STORED_RESPONSE_BYTES)).into_bytes(),
            format!("a{}", "ä".repeat(MAX_STORED_RESPONSE_BYTES / 2 - 1)),
        ),
        (vec![0xff; 5000], "\u{fffd}".repeat(MAX_STORED_RESPONSE_BYTES / 3)),
        (b"a\xffb".to_vec(), "a\u{fffd}b".to_owned()),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let exchange = post(&local_client(), Server::responds([head.into_bytes(), body].concat()).await.port).await;
        assert_succeeded(&exchange);
        assert_eq!(exchange.response_text, Some(stored));
    }
}
