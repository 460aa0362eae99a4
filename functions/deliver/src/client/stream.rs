//! An open connection, with or without TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{CaptureConnection, Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect_progress::ConnectTimings;
use super::network::Io;
use super::response_limit::ReceiveBudget;

/// Information about a connection for each exchange that uses it.
#[derive(Debug, Clone)]
pub(super) struct ConnectionInfo {
    /// Id of the request that the connection was opened for.
    pub(super) opened_for: u64,
    /// Timings of opening the connection.
    pub(super) timings: ConnectTimings,
    pub(super) is_http2: bool,
    /// `true` if a byte was received after the last byte was sent.
    has_received: Arc<AtomicBool>,
    /// Number of bytes that the connection may still receive.
    pub(super) budget: ReceiveBudget,
}

impl ConnectionInfo {
    pub(super) fn new(opened_for: u64, timings: ConnectTimings, is_http2: bool) -> Self {
        Self { opened_for, timings, is_http2, has_received: Arc::default(), budget: ReceiveBudget::new(is_http2) }
    }

    /// Returns the information about the connection of a request; `None` if it has no connection yet.
    pub(super) fn of(captured: &CaptureConnection) -> Option<Self> {
        let mut extensions = http::Extensions::new();
        captured.connection_metadata().as_ref()?.get_extras(&mut extensions);
        extensions.remove()
    }

    pub(super) fn has_received(&self) -> bool {
        self.has_received.load(Ordering::Relaxed)
    }
}

/// An open connection.
pub(super) struct Stream {
    io: Box<dyn Io>,
    info: ConnectionInfo,
    /// `true` if the peer has closed its read side.
    write_closed: bool,
}

impl Stream {
    pub(super) fn new(io: impl Io + 'static, info: ConnectionInfo) -> Self {
        Self { io: Box::new(io), info, write_closed: false }
    }

    /// Ignores a failed write. A target may reject a request and close the connection before it has read the whole
    /// request: its response can then be read, although nothing can be written. Without a response, reading fails.
    fn ignore_closed<T>(&mut self, written: Poll<io::Result<T>>, pretended: T) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(Err(error))
                if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) =>
            {
                self.write_closed = true;
                Poll::Ready(Ok(pretended))
            }
            other => other,
        }
    }

    fn after_write(&mut self, written: Poll<io::Result<usize>>, all: usize) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(_))) {
            self.info.has_received.store(false, Ordering::Relaxed);
        }
        self.ignore_closed(written, all)
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.info.clone());
        if self.info.is_http2 { connected.negotiated_h2() } else { connected }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        let received = buf.filled().len() - before;
        if received > 0 {
            self.info.has_received.store(true, Ordering::Relaxed);
            if let Err(error) = self.info.budget.spend(received) {
                return Poll::Ready(Err(error));
            }
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.write_closed {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.after_write(written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = parts.iter().map(|part| part.len()).sum();
        if self.write_closed {
            return Poll::Ready(Ok(all));
        }
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, parts);
        self.after_write(written, all)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_closed {
            return Poll::Ready(Ok(()));
        }
        // TLS buffers records, so that a flush may write them.
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.ignore_closed(flushed, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use hyper_util::rt::TokioIo;

    use super::*;

    /// A peer that responds and resets the connection between a read and the next write.
    struct RejectingPeer {
        rejected: bool,
        response: &'static [u8],
    }

    impl AsyncRead for RejectingPeer {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            if !self.rejected {
                return Poll::Pending;
            }
            let response = std::mem::take(&mut self.response);
            buf.put_slice(response);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for RejectingPeer {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            self.rejected = true;
            cx.waker().wake_by_ref();
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// A peer that sends the same bytes without end from the first request on, and counts them.
    struct FloodingPeer {
        requested: bool,
        bytes: &'static [u8],
        sent: Arc<AtomicUsize>,
    }

    impl AsyncRead for FloodingPeer {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            if !self.requested {
                return Poll::Pending;
            }
            // Whole responses only.
            let length = buf.remaining().min(16 * 1024) / self.bytes.len() * self.bytes.len();
            let bytes: Vec<u8> = self.bytes.iter().copied().cycle().take(length).collect();
            buf.put_slice(&bytes);
            self.sent.fetch_add(length, Ordering::Relaxed);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for FloodingPeer {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.requested = true;
            cx.waker().wake_by_ref();
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn an_endless_flood_is_read_up_to_a_limit() {
        let sent = Arc::new(AtomicUsize::new(0));
        for bytes in [&b"HTTP/1.1 100 Continue\r\n\r\n"[..], b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"] {
            sent.store(0, Ordering::Relaxed);
            let error = post_to(FloodingPeer { requested: false, bytes, sent: Arc::clone(&sent) }).await.unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("without a complete response"), "{cause}");
            assert!((200_000..300_000).contains(&sent.load(Ordering::Relaxed)), "{sent:?}");
        }
    }

    async fn post(response: &'static [u8]) -> Result<Bytes, hyper::Error> {
        post_to(RejectingPeer { rejected: false, response }).await
    }

    async fn post_to(peer: impl Io + 'static) -> Result<Bytes, hyper::Error> {
        let stream = Stream::new(peer, ConnectionInfo::new(0, ConnectTimings::default(), false));
        let (mut http, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = http::Request::post("/").body(Full::new(Bytes::from_static(b"{}"))).unwrap();
        Ok(http.send_request(request).await?.into_body().collect().await?.to_bytes())
    }

    #[tokio::test]
    async fn a_response_counts_although_the_request_was_not_fully_written() {
        let response = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig";
        assert_eq!(post(response).await.unwrap(), "big");
        assert!(post(b"").await.unwrap_err().is_incomplete_message());
    }
}
