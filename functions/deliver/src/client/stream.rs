//! A connection, with or without TLS, and what is told of it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{CaptureConnection, Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::attempt::Known;

/// What carries bytes.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What is told of a connection to each exchange that goes over it.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// The attempt that it was made for.
    pub(super) attempt: u64,
    /// How it was made.
    pub(super) known: Known,
    pub(super) http2: bool,
    /// Whether a byte came since the last was sent.
    heard: Arc<AtomicBool>,
}

impl Link {
    pub(super) fn new(attempt: u64, known: Known, http2: bool) -> Self {
        Self { attempt, known, http2, heard: Arc::default() }
    }

    /// Of the connection that a request was given to, if it came so far.
    pub(super) fn of(captured: &CaptureConnection) -> Option<Self> {
        let mut told = http::Extensions::new();
        captured.connection_metadata().as_ref()?.get_extras(&mut told);
        told.remove()
    }

    pub(super) fn heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }
}

/// A connection.
pub(super) struct Stream {
    io: Box<dyn Io>,
    link: Link,
    /// Whether the other side takes no more.
    deaf: bool,
}

impl Stream {
    pub(super) fn new(io: impl Io + 'static, link: Link) -> Self {
        Self { io: Box::new(io), link, deaf: false }
    }

    /// A target may refuse a request before it has read all of it, and close: then its answer is there to be read,
    /// though nothing can be written any more. Where there is none, reading says why.
    fn forgive<T>(&mut self, written: Poll<io::Result<T>>, as_if: T) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(Err(error))
                if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) =>
            {
                self.deaf = true;
                Poll::Ready(Ok(as_if))
            }
            other => other,
        }
    }

    fn sent(&mut self, written: Poll<io::Result<usize>>, all: usize) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(_))) {
            self.link.heard.store(false, Ordering::Relaxed);
        }
        self.forgive(written, all)
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(self.link.clone());
        if self.link.http2 { connected.negotiated_h2() } else { connected }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.link.heard.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.sent(written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = parts.iter().map(|part| part.len()).sum();
        if self.deaf {
            return Poll::Ready(Ok(all));
        }
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, parts);
        self.sent(written, all)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.deaf {
            return Poll::Ready(Ok(()));
        }
        // What is written first may be written here: TLS keeps records back.
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.forgive(flushed, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use hyper_util::rt::TokioIo;

    use super::*;

    /// The other side answers and resets the connection between one look at what came and the writing of more.
    struct Refusing {
        refused: bool,
        answer: &'static [u8],
    }

    impl AsyncRead for Refusing {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            if !self.refused {
                return Poll::Pending;
            }
            let answer = std::mem::take(&mut self.answer);
            buf.put_slice(answer);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Refusing {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            self.refused = true;
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

    async fn post(answer: &'static [u8]) -> Result<Bytes, hyper::Error> {
        let refusing = Refusing { refused: false, answer };
        let stream = Stream::new(refusing, Link::new(0, Known::default(), false));
        let (mut http, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = http::Request::post("/").body(Full::new(Bytes::from_static(b"{}"))).unwrap();
        Ok(http.send_request(request).await?.into_body().collect().await?.to_bytes())
    }

    #[tokio::test]
    async fn an_answer_counts_though_the_request_could_not_be_written() {
        let answer = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig";
        assert_eq!(post(answer).await.unwrap(), "big");
        assert!(post(b"").await.unwrap_err().is_incomplete_message());
    }
}
