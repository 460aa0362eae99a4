//! Webhook receivers that break HTTP or never finish.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The response of a hostile receiver to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hostile {
    /// Sends these bytes and closes the connection.
    Sends(&'static str),
    /// Sends nothing.
    Hangs,
    /// Sends the body slowly, byte by byte, without end.
    Drips,
    /// Sends headers without end.
    EndlessHeaders,
    /// Sends interim responses without end.
    EndlessInterim,
    /// Sends a body without end.
    EndlessBody,
    /// Resets the connection after reading the first bytes.
    Resets,
    /// Closes the connection before reading anything.
    Closes,
}

/// Starts a receiver on a free local port that responds to every request with these bytes; returns its URL.
///
/// # Panics
/// If the receiver cannot listen.
pub async fn raw_receiver(response: &'static str) -> String {
    hostile_receiver(Hostile::Sends(response)).await
}

/// Starts a hostile receiver on a free local port for the duration of the test; returns its URL.
///
/// # Panics
/// If the receiver cannot listen.
pub async fn hostile_receiver(kind: Hostile) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("its address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(kind, stream));
        }
    });
    url
}

/// Serves one connection. Errors are ignored: the sender disconnects when it gives up.
async fn serve(kind: Hostile, mut stream: TcpStream) {
    if kind == Hostile::Closes {
        return;
    }
    let mut request = vec![0; 64 * 1024];
    let Ok(1..) = stream.read(&mut request).await else { return };
    drop(respond(kind, &mut stream).await);
}

async fn respond(kind: Hostile, stream: &mut TcpStream) -> std::io::Result<()> {
    match kind {
        Hostile::Sends(bytes) => {
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
        Hostile::EndlessInterim => loop {
            stream.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n").await?;
        },
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
