//! Pooled connections.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

use super::server::{OK, Server, read_request};
use super::*;

#[tokio::test]
async fn a_reused_connection_is_reported_as_reused() {
    let (client, server) = (local_client(), Server::responds_ok(usize::MAX).await);
    let first = post(&client, server.port).await;
    assert_succeeded(&first);
    assert_eq!((first.response_text.as_deref(), first.version), (Some("ok"), Some(Version::HTTP_11)));
    assert_eq!((first.address, first.reused), (Some(([127, 0, 0, 1], server.port).into()), false));
    let phases = first.phases;
    assert!(phases.dns.is_some() && phases.connect.is_some() && phases.tls.is_none() && phases.first_byte.is_some());
    let second = loop {
        let exchange = post(&client, server.port).await;
        assert_succeeded(&exchange);
        // The connection returns to its pool in a task of its own.
        if exchange.reused {
            break exchange;
        }
    };
    assert_eq!((second.phases.dns, second.phases.connect, second.phases.tls), (None, None, None));
    assert!(second.phases.first_byte.is_some());
    assert_eq!(second.address, first.address);
}

#[tokio::test]
async fn a_pooled_connection_that_was_closed_is_replaced() {
    let (closed, mut closings) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::new(move |mut stream| {
        let closed = closed.clone();
        async move {
            read_request(&mut stream).await;
            stream.write_all(OK).await.unwrap();
            drop(stream);
            closed.send(()).unwrap();
        }
    })
    .await;
    let client = local_client();
    for _ in 0..10 {
        let exchange = post(&client, server.port).await;
        assert_succeeded(&exchange);
        assert!(!exchange.reused);
        closings.recv().await.unwrap();
    }
}

#[tokio::test]
async fn a_reused_connection_that_breaks_is_replaced() {
    // The server closes the connection at the second request, without a response.
    let server = Server::new(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(OK).await.unwrap();
        read_request(&mut stream).await;
    })
    .await;
    let client = local_client();
    for number in 1..=5 {
        assert_succeeded(&post(&client, server.port).await);
        assert_eq!(server.accepted(), number);
    }
}

#[tokio::test]
async fn a_new_connection_that_breaks_is_a_failure() {
    let server = Server::new(|mut stream| async move {
        read_request(&mut stream).await;
    })
    .await;
    assert_failed(&post(&local_client(), server.port).await, FailureClass::Exchange, "closed");
    assert_eq!(server.accepted(), 1, "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_use_several_connections() {
    let together = Arc::new(Barrier::new(8));
    let server = Server::new(move |mut stream| {
        let together = Arc::clone(&together);
        async move {
            while read_request(&mut stream).await.is_some() {
                together.wait().await;
                stream.write_all(OK).await.unwrap();
            }
        }
    })
    .await;
    let client = local_client();
    for _ in 0..3 {
        let posts: Vec<_> = (0..8).map(|_| tokio::spawn(post_to(client.clone(), "t", server.port))).collect();
        for post in posts {
            assert_succeeded(&post.await.unwrap());
        }
    }
    // All requests wait for each other: at least eight connections are needed, and not many more.
    assert!((8..=16).contains(&server.accepted()), "{}", server.accepted());
}

async fn post_to(client: Client, pool: &'static str, port: u16) -> Exchange {
    let (url, headers) = (url("http", "hooks.example.com", port), HeaderMap::new());
    client.post(Request { pool, url: &url, headers, body: Bytes::new(), timeout: LONG_TIMEOUT, ca_cert: None }).await
}

#[tokio::test]
async fn targets_do_not_share_connections() {
    let (client, server) = (local_client(), Server::responds_ok(usize::MAX).await);
    loop {
        let exchange = post_to(client.clone(), "one", server.port).await;
        assert_succeeded(&exchange);
        if exchange.reused {
            break;
        }
    }
    let other = post_to(client.clone(), "other", server.port).await;
    assert!(!other.reused);
    // The CA certificate is part of the pool's key, even for plain HTTP.
    let exchange =
        post_with(&client, &url("http", "hooks.example.com", server.port), LONG_TIMEOUT, Some("other")).await;
    assert_succeeded(&exchange);
    assert!(!exchange.reused);
}

#[tokio::test]
async fn connection_headers_of_the_caller_are_replaced() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::new(move |mut stream| {
        let sender = sender.clone();
        async move {
            sender.send(read_request(&mut stream).await.unwrap()).unwrap();
            stream.write_all(OK).await.unwrap();
        }
    })
    .await;
    let mut headers = HeaderMap::new();
    for (name, value) in [("content-length", "1"), ("transfer-encoding", "chunked"), ("x-own", "kept")] {
        headers.insert(name, value.parse().unwrap());
    }
    let (url, body) = (url("http", "hooks.example.com", server.port), Bytes::from_static(b"{}"));
    let request = Request { pool: "t", url: &url, headers, body, timeout: LONG_TIMEOUT, ca_cert: None };
    assert_succeeded(&local_client().post(request).await);
    let (head, body) = receiver.recv().await.unwrap();
    assert_eq!(body, b"{}");
    assert!(head.contains("content-length: 2") && head.contains("x-own: kept"), "{head}");
    assert!(head.contains(&format!("host: hooks.example.com:{}", server.port)), "{head}");
    assert!(head.starts_with("post /geheim?token=geheim http/1.1\r\n"), "{head}");
    for unwanted in ["transfer-encoding", "user", "authorization", "accept-encoding", "cookie", "#"] {
        assert!(!head.contains(unwanted), "{head}");
    }
}

/// Fills the queue of a listener, so that further connects get no answer.
async fn fill_queue(listener: &tokio::net::TcpListener) -> Vec<TcpStream> {
    let (address, mut waiting) = (listener.local_addr().unwrap(), Vec::new());
    while let Ok(stream) = tokio::time::timeout(SHORT_TIMEOUT, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    waiting
}

fn unresponsive_listener() -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    socket.listen(1).unwrap()
}

#[tokio::test]
async fn a_refused_connection_is_reported() {
    let exchange = post(&local_client(), 1).await;
    assert_eq!(exchange.failure.as_ref().unwrap().message, "failed to connect to 127.0.0.1:1: connection refused");
    assert_failed(&exchange, FailureClass::Connect, "");
    assert_eq!(exchange.address, Some(([127, 0, 0, 1], 1).into()));
    assert!(exchange.phases.dns.is_some() && exchange.phases.connect.is_none());
    let exchange = post(&client_resolving(&[&["127.0.0.2", "127.0.0.1"]]), 1).await;
    let message = "failed to connect to 127.0.0.2:1: connection refused; to 127.0.0.1:1: connection refused";
    assert_failed(&exchange, FailureClass::Connect, message);
}

#[tokio::test]
async fn an_unresponsive_address_gets_its_share_of_the_time() {
    let listener = unresponsive_listener();
    let _waiting = fill_queue(&listener).await;
    let port = listener.local_addr().unwrap().port();
    let exchange =
        post_with(&client_resolving(&[&["127.0.0.2"]]), &url("http", "hooks.example.com", port), SHORT_TIMEOUT, None)
            .await;
    assert_failed(&exchange, FailureClass::Timeout, &format!("connecting to 127.0.0.2:{port} did not end"));
    assert_eq!(exchange.address, Some(([127, 0, 0, 2], port).into()));
    // The next address has its own share of the time.
    let other = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = other.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(OK).await.unwrap();
    });
    let url = url("http", "hooks.example.com", port);
    let exchange =
        post_with(&client_resolving(&[&["127.0.0.2", "127.0.0.1"]]), &url, Duration::from_secs(2), None).await;
    assert_succeeded(&exchange);
    assert_eq!(exchange.address, Some(([127, 0, 0, 1], port).into()));
    assert!(exchange.phases.connect.unwrap() > Duration::from_millis(500));
}
