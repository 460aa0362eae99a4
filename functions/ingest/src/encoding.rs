//! Compressed bodies.

use std::io::{self, Read};

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use flate2::bufread::MultiGzDecoder;
use web::{Problem, ProblemType};

use crate::body::Unread;

/// The most bytes that a body may be once it is inflated.
const MAX_INFLATED: usize = 20_000_000;

/// The largest window that a zstd frame may ask for, as a power of two: enough for the largest body
/// (RFC 8878 recommends decoders to take at least 2^23).
const MAX_WINDOW_LOG: u32 = 25;

/// Why a body could not be inflated.
pub(crate) enum NotInflated {
    /// It is larger than is taken here, which says nothing of how large it is.
    TooLarge,
    /// It is not what its `Content-Encoding` says, or that is not known.
    Unread(Unread),
}

/// A content coding that is taken.
#[derive(Debug, Clone, Copy)]
enum Coding {
    Identity,
    Gzip,
    Zstd,
}

/// The body as it was before it was compressed. Inflating ends where the body gets too large, so what
/// it costs is bounded, whatever is sent.
pub(crate) async fn inflate(headers: &HeaderMap, body: Bytes) -> Result<Bytes, NotInflated> {
    let coding = coding(headers).map_err(NotInflated::Unread)?;
    if matches!(coding, Coding::Identity) {
        return Ok(body);
    }
    // 20 MB take a tenth of a second, in which other requests are served.
    let inflated = tokio::task::spawn_blocking(move || read(coding, &body)).await;
    match inflated {
        Ok(Ok(inflated)) if inflated.len() > MAX_INFLATED => Err(NotInflated::TooLarge),
        Ok(Ok(inflated)) => Ok(inflated.into()),
        Ok(Err(error)) => Err(NotInflated::Unread(broken(&error.to_string()))),
        Err(_) => Err(NotInflated::Unread(broken("it could not be read"))),
    }
}

fn coding(headers: &HeaderMap) -> Result<Coding, Unread> {
    let Some(coding) = headers.get(header::CONTENT_ENCODING) else { return Ok(Coding::Identity) };
    let coding = coding.to_str().unwrap_or("unreadable").trim().to_ascii_lowercase();
    match coding.as_str() {
        "" | "identity" => Ok(Coding::Identity),
        "gzip" | "x-gzip" => Ok(Coding::Gzip),
        "zstd" => Ok(Coding::Zstd),
        other => {
            let other: String = other.chars().take(64).collect();
            let message =
                format!("Content-Encoding {other:?} is not taken here: send gzip, zstd, or the body as it is");
            Err(Unread::new(ProblemType::UnsupportedMediaType, "content-encoding", message))
        }
    }
}

fn broken(reason: &str) -> Unread {
    let message = format!("The body is not what its Content-Encoding says: {reason}");
    Unread::new(ProblemType::BadRequest, "content-encoding", message)
}

/// At most one byte more than is taken.
fn read(coding: Coding, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut inflated = Vec::with_capacity(body.len().saturating_mul(4).min(MAX_INFLATED));
    let most = MAX_INFLATED as u64 + 1;
    match coding {
        Coding::Identity => inflated.extend_from_slice(body),
        Coding::Gzip => {
            MultiGzDecoder::new(body).take(most).read_to_end(&mut inflated)?;
        }
        Coding::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(body)?;
            decoder.window_log_max(MAX_WINDOW_LOG)?;
            decoder.take(most).read_to_end(&mut inflated)?;
        }
    }
    Ok(inflated)
}

/// The problem of a body that is too large once it is inflated.
pub(crate) fn too_large() -> Problem {
    let detail = format!("The body has more than {MAX_INFLATED} bytes once it is inflated: send it in parts");
    Problem::new(ProblemType::TooLarge, detail)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    async fn inflated(coding: &str, body: Vec<u8>) -> Result<Bytes, NotInflated> {
        inflate(&HeaderMap::from_iter([(header::CONTENT_ENCODING, coding.parse().unwrap())]), body.into()).await
    }

    #[tokio::test]
    async fn bodies_are_inflated() {
        for (coding, body) in [
            ("gzip", gzip(b"[1]")),
            ("X-GZIP", gzip(b"[1]")),
            ("gzip", [gzip(b"["), gzip(b"1]")].concat()),
            ("zstd", zstd::encode_all(&b"[1]"[..], 0).unwrap()),
            ("identity", b"[1]".to_vec()),
        ] {
            assert_eq!(inflated(coding, body).await.ok().as_deref(), Some(&b"[1]"[..]), "{coding}");
        }
    }

    #[tokio::test]
    async fn a_bomb_costs_no_more_than_the_limit() {
        let zeros = vec![0; 25_000_000];
        for (coding, bomb) in [("gzip", gzip(&zeros)), ("zstd", zstd::encode_all(&zeros[..], 1).unwrap())] {
            assert!(bomb.len() < 1_000_000);
            assert!(matches!(inflated(coding, bomb).await, Err(NotInflated::TooLarge)), "{coding}");
        }
        let most = vec![b' '; MAX_INFLATED];
        // All in one: a window as large as the body.
        let whole = zstd::bulk::compress(&most, 1).unwrap();
        assert!(inflated("zstd", whole).await.is_ok_and(|body| body.len() == MAX_INFLATED));
        // A frame that asks for 2 GB of memory before its first byte.
        let greedy = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
        assert!(matches!(inflated("zstd", greedy).await, Err(NotInflated::Unread(_))));
    }

    #[tokio::test]
    async fn what_is_not_what_it_says_is_refused() {
        let cut = gzip(&[b'x'; 1000])[..20].to_vec();
        for (coding, body) in
            [("gzip", b"{}".to_vec()), ("gzip", cut), ("zstd", b"{}".to_vec()), ("br", b"{}".to_vec())]
        {
            assert!(matches!(inflated(coding, body).await, Err(NotInflated::Unread(_))), "{coding}");
        }
    }
}
