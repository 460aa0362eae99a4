//! Connections that are kept.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

use super::server::{OK, Target, read_request};
use super::*;

#[tokio::test]
async fn a_connection_is_used_again_and_told_to_be() {
    let (client, target) = (local(), Target::good(usize::MAX).await);
    let first = post(&client, target.port).await;
    succeeded(&first);
    assert_eq!((first.answer.as_deref(), first.version), (Some("ok"), Some(Version::HTTP_11)));
    assert_eq!((first.address, first.reused), (Some(([127, 0, 0, 1], target.port).into()), false));
    let phases = first.phases;
    assert!(phases.dns.is_some() && phases.connect.is_some() && phases.tls.is_none() && phases.first_byte.is_some());
    let second = loop {
        let exchange = post(&client, target.port).await;
        succeeded(&exchange);
        // It goes back to its pool in a task of its own.
        if exchange.reused {
            break exchange;
        }
    };
    assert_eq!((second.phases.dns, second.phases.connect, second.phases.tls), (None, None, None));
    assert!(second.phases.first_byte.is_some());
    assert_eq!(second.address, first.address);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_no_failure() {
    let (closed, mut closings) = tokio::sync::mpsc::unbounded_channel();
    let target = Target::new(move |mut stream| {
        let closed = closed.clone();
        async move {
            read_request(&mut stream).await;
            stream.write_all(OK).await.unwrap();
            drop(stream);
            closed.send(()).unwrap();
        }
    })
    .await;
    let client = local();
    for _ in 0..10 {
        let exchange = post(&client, target.port).await;
        succeeded(&exchange);
        assert!(!exchange.reused);
        closings.recv().await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_breaks_while_it_is_used_again_is_no_failure() {
    // It closes when the second request comes, and has answered none of it.
    let target = Target::new(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(OK).await.unwrap();
        read_request(&mut stream).await;
    })
    .await;
    let client = local();
    for number in 1..=5 {
        succeeded(&post(&client, target.port).await);
        assert_eq!(target.accepted(), number);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_at_its_first_request_is_one() {
    let target = Target::new(|mut stream| async move {
        read_request(&mut stream).await;
    })
    .await;
    failed(&post(&local(), target.port).await, FailureClass::Exchange, "closed");
    assert_eq!(target.accepted(), 1, "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once() {
    let together = Arc::new(Barrier::new(8));
    let target = Target::new(move |mut stream| {
        let together = Arc::clone(&together);
        async move {
            while read_request(&mut stream).await.is_some() {
                together.wait().await;
                stream.write_all(OK).await.unwrap();
            }
        }
    })
    .await;
    let client = local();
    for _ in 0..3 {
        let posts: Vec<_> = (0..8).map(|_| tokio::spawn(post_to(client.clone(), "t", target.port))).collect();
        for post in posts {
            succeeded(&post.await.unwrap());
        }
    }
    // All wait for each other: there must have been eight connections, and there need not have been many more.
    assert!((8..=16).contains(&target.accepted()), "{}", target.accepted());
}

async fn post_to(client: Client, pool: &'static str, port: u16) -> Exchange {
    let (url, headers) = (url("http", "hooks.example.com", port), HeaderMap::new());
    client.post(Request { pool, url: &url, headers, body: Bytes::new(), timeout: AMPLE, ca_cert: None }).await
}

#[tokio::test]
async fn one_targets_connections_are_no_others() {
    let (client, target) = (local(), Target::good(usize::MAX).await);
    loop {
        let exchange = post_to(client.clone(), "one", target.port).await;
        succeeded(&exchange);
        if exchange.reused {
            break;
        }
    }
    let other = post_to(client.clone(), "other", target.port).await;
    assert!(!other.reused);
    // A certificate is part of whose they are, even where it has no use.
    let exchange = post_with(&client, &url("http", "hooks.example.com", target.port), AMPLE, Some("other")).await;
    succeeded(&exchange);
    assert!(!exchange.reused);
}

#[tokio::test]
async fn headers_that_frame_the_body_are_the_clients_own() {
    let (told, mut tell) = tokio::sync::mpsc::unbounded_channel();
    let target = Target::new(move |mut stream| {
        let told = told.clone();
        async move {
            told.send(read_request(&mut stream).await.unwrap()).unwrap();
            stream.write_all(OK).await.unwrap();
        }
    })
    .await;
    let mut headers = HeaderMap::new();
    for (name, value) in [("content-length", "1"), ("transfer-encoding", "chunked"), ("x-own", "kept")] {
        headers.insert(name, value.parse().unwrap());
    }
    let (url, body) = (url("http", "hooks.example.com", target.port), Bytes::from_static(b"{}"));
    let request = Request { pool: "t", url: &url, headers, body, timeout: AMPLE, ca_cert: None };
    succeeded(&local().post(request).await);
    let (head, body) = tell.recv().await.unwrap();
    assert_eq!(body, b"{}");
    assert!(head.contains("content-length: 2") && head.contains("x-own: kept"), "{head}");
    assert!(head.contains(&format!("host: hooks.example.com:{}", target.port)), "{head}");
    assert!(head.starts_with("post /geheim?token=geheim http/1.1\r\n"), "{head}");
    for unwanted in ["transfer-encoding", "user", "authorization", "accept-encoding", "cookie", "#"] {
        assert!(!head.contains(unwanted), "{head}");
    }
}

/// Sockets whose queue is full: what is dialled there gets no answer.
async fn full(listener: &tokio::net::TcpListener) -> Vec<TcpStream> {
    let (address, mut waiting) = (listener.local_addr().unwrap(), Vec::new());
    while let Ok(stream) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    waiting
}

fn deaf_listener() -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    socket.listen(1).unwrap()
}

#[tokio::test]
async fn nobody_there() {
    let exchange = post(&local(), 1).await;
    assert_eq!(exchange.failure.as_ref().unwrap().message, "cannot connect to 127.0.0.1:1: connection refused");
    failed(&exchange, FailureClass::Connect, "");
    assert_eq!(exchange.address, Some(([127, 0, 0, 1], 1).into()));
    assert!(exchange.phases.dns.is_some() && exchange.phases.connect.is_none());
    let exchange = post(&client(&[&["127.0.0.2", "127.0.0.1"]]), 1).await;
    let words = "cannot connect to 127.0.0.2:1: connection refused; to 127.0.0.1:1: connection refused";
    failed(&exchange, FailureClass::Connect, words);
}

#[tokio::test]
async fn an_address_that_does_not_answer() {
    let listener = deaf_listener();
    let _waiting = full(&listener).await;
    let port = listener.local_addr().unwrap().port();
    let exchange = post_with(&client(&[&["127.0.0.2"]]), &url("http", "hooks.example.com", port), SHORT, None).await;
    failed(&exchange, FailureClass::Timeout, &format!("connecting to 127.0.0.2:{port} did not end"));
    assert_eq!(exchange.address, Some(([127, 0, 0, 2], port).into()));
    // The next address has its share of the time.
    let other = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = other.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(OK).await.unwrap();
    });
    let url = url("http", "hooks.example.com", port);
    let exchange = post_with(&client(&[&["127.0.0.2", "127.0.0.1"]]), &url, Duration::from_secs(2), None).await;
    succeeded(&exchange);
    assert_eq!(exchange.address, Some(([127, 0, 0, 1], port).into()));
    assert!(exchange.phases.connect.unwrap() > Duration::from_millis(500));
}
