//! An HTTP server that closes idle connections and ends gracefully.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use futures::StreamExt;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinSet;

use crate::health::{Fault, Health};
use crate::stop_signal::StopSignal;

/// The timeouts of a server.
#[derive(Debug, Clone, Copy)]
struct Timeouts {
    /// Time after which a connection without a request, or with an incomplete head of one, is closed.
    idle: Duration,
    /// Maximum wait for the next part of a request's body.
    body: Duration,
}

const TIMEOUTS: Timeouts = Timeouts { idle: Duration::from_mins(1), body: Duration::from_secs(30) };

/// Delay after a connection could not be accepted.
const ACCEPT_ERROR_DELAY: Duration = Duration::from_millis(200);

/// Serves `app` until `stop`, then waits for the requests in progress.
pub(crate) async fn serve(listener: TcpListener, app: Router, health: Health, stop: StopSignal) {
    serve_with(listener, app, health, stop, TIMEOUTS).await;
}

async fn serve_with(listener: TcpListener, app: Router, health: Health, mut stop: StopSignal, timeouts: Timeouts) {
    let limit_body = move |request: Request, next: Next| limit_body_time(request, next, timeouts.body);
    let app = app.layer(middleware::from_fn(limit_body));
    let mut connections = JoinSet::new();
    // Asks the connections to end after their current request, so that idle ones end immediately.
    let (end_idle, _) = broadcast::channel(1);
    loop {
        let accepted = tokio::select! {
            () = stop.stopped() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(serve_connection(stream, app.clone(), end_idle.subscribe(), timeouts.idle));
            }
            Err(error) => {
                report_accept_error(&error, &health);
                // Frees the descriptors of idle connections. No connection may be left to receive it.
                let _ = end_idle.send(());
                tokio::time::sleep(ACCEPT_ERROR_DELAY).await;
            }
        }
    }
    drop(listener);
    let _ = end_idle.send(());
    while connections.join_next().await.is_some() {}
}

fn report_accept_error(error: &io::Error, health: &Health) {
    match Fault::from_io(error) {
        Some(fault) => health.report(fault, error),
        // The client closed the connection before it was accepted.
        None => tracing::debug!(%error, "failed to accept a connection"),
    }
}

async fn serve_connection(stream: TcpStream, app: Router, mut end: broadcast::Receiver<()>, idle: Duration) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    // Errors of a connection are the client's: it disconnected, or sent something else than HTTP.
    let served = tokio::select! {
        served = connection.as_mut() => served,
        _ = end.recv() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

/// Ends requests whose body does not arrive.
async fn limit_body_time(request: Request, next: Next, limit: Duration) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let request = request.map(|body| {
        let parts = futures::stream::unfold(body.into_data_stream(), move |mut parts| async move {
            match tokio::time::timeout(limit, parts.next()).await {
                Ok(part) => part.map(|part| (part, parts)),
                Err(_) => {
                    let error =
                        io::Error::new(io::ErrorKind::TimedOut, "the body of the request did not arrive in time");
                    Some((Err(axum::Error::new(error)), parts))
                }
            }
        });
        Body::from_stream(parts)
    });
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::stop_signal::stop_channel;

    /// Opens a connection, sends `bytes`, and returns everything that the server sends until it closes the connection.
    async fn exchange(address: std::net::SocketAddr, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut received = String::new();
        // A reset is a close as well.
        let _ = stream.read_to_string(&mut received).await;
        received
    }

    #[tokio::test]
    async fn idle_connections_and_incomplete_requests_are_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/", get(async || "ok")).route("/post", post(async |body: String| body));
        let (stop, stopped) = stop_channel();
        let timeouts = Timeouts { idle: Duration::from_millis(300), body: Duration::from_millis(300) };
        let server = tokio::spawn(serve_with(listener, app, Health::default(), stopped, timeouts));
        assert_eq!(exchange(address, b"").await, "");
        assert_eq!(exchange(address, b"GET / HTTP/1.1\r\nhost: a\r\n").await, "");
        let idle = exchange(address, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(idle.starts_with("HTTP/1.1 200") && idle.ends_with("ok"), "{idle}");
        let slow = exchange(address, b"POST /post HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf").await;
        assert!(slow.starts_with("HTTP/1.1 4"), "{slow}");
        stop.send_replace(true);
        server.await.unwrap();
    }
}
