//! Targets that answer badly, or not at all.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server::{Target, read_request};
use super::*;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n";
const NO_PAUSE: Duration = Duration::ZERO;
const PAUSE: Duration = Duration::from_millis(5);

async fn post_briefly(target: &Target) -> Exchange {
    post_with(&local(), &url("http", "hooks.example.com", target.port), SHORT, None).await
}

#[tokio::test]
async fn no_byte() {
    let target = Target::goes_on(b"", b"", PAUSE).await;
    let exchange = post_briefly(&target).await;
    let message = "no complete answer within 0.3 s: connected, but no byte came";
    assert_eq!(exchange.failure.as_ref().unwrap().message, message);
    failed(&exchange, FailureClass::Timeout, "");
    assert_eq!(exchange.address, Some(([127, 0, 0, 1], target.port).into()));
    assert!(exchange.phases.connect.is_some() && exchange.phases.first_byte.is_none());
    assert!(exchange.phases.total >= SHORT);
    assert_eq!((exchange.status, exchange.answer), (None, None));
}

#[tokio::test]
async fn one_byte_after_the_other() {
    let exchange = post_briefly(&Target::goes_on(b"HTTP/1.1 200 OK\r\nx: ", b"y", PAUSE).await).await;
    failed(&exchange, FailureClass::Timeout, "0.3 s: connected, but the answer's headers did not end");
    let exchange = post_briefly(&Target::goes_on(HEAD, b"y", PAUSE).await).await;
    let message = "answered 200, then no complete answer within 0.3 s: the answer's body did not end";
    assert_eq!(exchange.failure.as_ref().unwrap().message, message);
    assert_eq!((exchange.status, exchange.failure.unwrap().class), (Some(200), FailureClass::Timeout));
    assert!(exchange.answer.unwrap().starts_with("yy"));
    let interim = Target::goes_on(b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", PAUSE).await;
    failed(&post_briefly(&interim).await, FailureClass::Timeout, "");
}

#[tokio::test]
async fn a_body_without_end() {
    let (closed, mut closings) = tokio::sync::mpsc::unbounded_channel();
    let target = Target::new(move |mut stream| {
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
    let exchange = post(&local(), target.port).await;
    succeeded(&exchange);
    assert_eq!(exchange.answer, Some("y".repeat(KEPT_ANSWER)));
    closings.recv().await.unwrap();
}

#[tokio::test]
async fn headers_without_end() {
    for (first, then) in [
        (&b"HTTP/1.1 200 OK\r\n"[..], &b"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"[..]),
        (b"HTTP/1.1 200 OK\r\nx: ", b"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
        (b"HTTP/1.1 200 ", b"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
    ] {
        let exchange = post(&local(), Target::goes_on(first, then, NO_PAUSE).await.port).await;
        failed(&exchange, FailureClass::Exchange, "headers are too many or too large");
        assert_eq!(exchange.status, None);
    }
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(101));
    let exchange = post(&local(), Target::says(many).await.port).await;
    failed(&exchange, FailureClass::Exchange, "headers are too many or too large");
}

#[tokio::test]
async fn lies_about_lengths() {
    let early = "answered 200, then the connection was closed before the answer was complete";
    for (answer, words) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", early),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nshort", early),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nshort\r\n",
            "answered 200, then the answer is not",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: -9\r\n\r\nshort", "not HTTP: invalid content-length"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 9\r\n\r\nshort", "not HTTP: invalid content-length"),
    ] {
        let exchange = post(&local(), Target::says(answer).await.port).await;
        failed(&exchange, FailureClass::Exchange, words);
        assert_eq!(exchange.status.is_some(), exchange.answer.is_some());
        if words == early {
            assert_eq!(exchange.answer.as_deref(), Some("short"));
        }
    }
    // More than was told is none of this answer.
    let exchange = post(&local(), Target::says("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokay").await.port).await;
    succeeded(&exchange);
    assert_eq!(exchange.answer.as_deref(), Some("ok"));
}

#[tokio::test]
async fn what_is_not_http() {
    for answer in ["SSH-2.0-OpenSSH_9.6\r\n", "\0\u{1}\u{2}\u{3}", "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n"]
    {
        let exchange = post(&local(), Target::says(answer).await.port).await;
        failed(&exchange, FailureClass::Exchange, "the answer is not HTTP: ");
    }
    // A client of HTTP/1.1 learns only from the silence that an HTTP/0.9 target was meant.
    failed(&post(&local(), Target::says("").await.port).await, FailureClass::Exchange, "closed before");
}

#[tokio::test]
async fn closed_at_once() {
    let exchange = post(&local(), Target::new(|stream| async { drop(stream) }).await.port).await;
    failed(&exchange, FailureClass::Exchange, "the connection was ");
    assert!(exchange.address.is_some() && exchange.status.is_none());
}

#[tokio::test]
async fn reset_in_the_middle() {
    for (answer, status, words) in [
        (&b""[..], None, "the connection was reset"),
        (b"HTTP/1.1 200 OK\r\nx: ", None, "the connection was reset"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
            Some(200),
            "answered 200, then the connection was reset",
        ),
    ] {
        let go = Arc::new(tokio::sync::Notify::new());
        let target = Target::new({
            let go = Arc::clone(&go);
            move |mut stream| {
                let go = Arc::clone(&go);
                async move {
                    read_request(&mut stream).await;
                    stream.write_all(answer).await.unwrap();
                    go.notified().await;
                    stream.set_zero_linger().unwrap();
                }
            }
        })
        .await;
        let client = local();
        let posting = post(&client, target.port);
        // Time for what was written to be read: what comes together with a reset may be lost.
        let exchange = tokio::join!(posting, async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            go.notify_one();
        })
        .0;
        failed(&exchange, FailureClass::Exchange, words);
        assert_eq!(exchange.status, status);
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let other = Target::good(1).await;
    let answer = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{}/\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
        other.port
    );
    let exchange = post(&local(), Target::says(answer).await.port).await;
    assert_eq!((exchange.status, &exchange.failure, exchange.answer.as_deref()), (Some(302), &None, Some("")));
    assert_eq!(exchange.headers["retry-after"], "7");
    assert_eq!(other.accepted(), 0);
}

#[tokio::test]
async fn an_answer_before_the_request_was_read() {
    let target = Target::new(|mut stream| async move {
        drop(stream.read(&mut [0; 1000]).await);
        let answer = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig";
        stream.write_all(answer).await.unwrap();
    })
    .await;
    let url = url("http", "hooks.example.com", target.port);
    for _ in 0..20 {
        let body = Bytes::from(vec![b'x'; 16 << 20]);
        let request = Request { pool: "t", url: &url, headers: HeaderMap::new(), body, timeout: AMPLE, ca_cert: None };
        let exchange = local().post(request).await;
        assert_eq!((exchange.status, exchange.failure), (Some(413), None));
        assert_eq!(exchange.answer.as_deref(), Some("big"));
    }
}

#[tokio::test]
async fn what_is_kept_is_text() {
    for (body, kept) in [
        (vec![b'a'; 5000], "a".repeat(KEPT_ANSWER)),
        ("ä".repeat(KEPT_ANSWER).into_bytes(), "ä".repeat(KEPT_ANSWER / 2)),
        (format!("a{}", "ä".repeat(KEPT_ANSWER)).into_bytes(), format!("a{}", "ä".repeat(KEPT_ANSWER / 2 - 1))),
        (vec![0xff; 5000], "\u{fffd}".repeat(KEPT_ANSWER / 3)),
        (b"a\xffb".to_vec(), "a\u{fffd}b".to_owned()),
    ] {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        let exchange = post(&local(), Target::says([head.into_bytes(), body].concat()).await.port).await;
        succeeded(&exchange);
        assert_eq!(exchange.answer, Some(kept));
    }
}
