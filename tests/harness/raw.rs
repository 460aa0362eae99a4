//! Receivers that speak no proper HTTP.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a hostile receiver does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hostile {
    /// Writes these bytes, and closes.
    Answers(&'static str),
    /// Says nothing.
    Hangs,
    /// Sends a byte of the body now and then, for good.
    Drips,
    /// Sends one header after the other, for good.
    EndlessHeaders,
    /// Sends a body without end.
    EndlessBody,
    /// Resets the connection as soon as something was read.
    Resets,
    /// Closes the connection before anything was read.
    Closes,
}

/// A receiver on a free port of this machine that answers every request with these bytes; its address.
///
/// # Panics
/// Where it cannot listen.
pub async fn answering(bytes: &'static str) -> String {
    hostile(Hostile::Answers(bytes)).await
}

/// A hostile receiver on a free port of this machine, for as long as the test runs; its address.
///
/// # Panics
/// Where it cannot listen.
pub async fn hostile(kind: Hostile) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("its address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(kind, stream));
        }
    });
    url
}

/// Whatever goes wrong here is the other's doing: it hangs up when it has had enough.
async fn serve(kind: Hostile, mut stream: TcpStream) {
    if kind == Hostile::Closes {
        return;
    }
    let mut request = vec![0; 64 * 1024];
    let Ok(1..) = stream.read(&mut request).await else { return };
    drop(play(kind, &mut stream).await);
}

async fn play(kind: Hostile, stream: &mut TcpStream) -> std::io::Result<()> {
    match kind {
        Hostile::Answers(bytes) => {
            stream.write_all(bytes.as_bytes()).await?;
            stream.shutdown().await
        }
        Hostile::Hangs => std::future::pending().await,
        Hostile::Drips => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await?;
            loop {
                stream.write_all(b"x").await?;
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
        Hostile::EndlessHeaders => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(b"x-more: and more and more and more\r\n").await?;
            }
        }
        Hostile::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            loop {
                stream.write_all(b"400\r\n").await?;
                stream.write_all(&[b'x'; 1024]).await?;
                stream.write_all(b"\r\n").await?;
            }
        }
        Hostile::Resets => {
            stream.set_zero_linger()?;
            Ok(())
        }
        Hostile::Closes => Ok(()),
    }
}
