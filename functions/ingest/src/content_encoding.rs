//! Decompression of request bodies.

use std::io::{self, Read};

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::bufread::MultiGzDecoder;
use web::{Problem, ProblemType};

use crate::body_error::BodyError;

/// Maximum size of a body after decompression.
const MAX_DECOMPRESSED_BYTES: usize = 20_000_000;

/// Maximum window of a zstd frame, as a power of two. It is large enough for the largest body; RFC 8878 recommends that
/// decoders support at least 2^23.
const MAX_ZSTD_WINDOW_LOG: u32 = 25;

/// Maximum number of characters of a content coding that an error message quotes.
const MAX_QUOTED_CHARS: usize = 64;

/// The error of a body that was not decompressed.
pub(crate) enum DecompressError {
    /// The decompressed body exceeds the limit. Its size is unknown.
    TooLarge,
    /// The body is not in the format of its `Content-Encoding`, or that is not supported.
    Invalid(BodyError),
}

/// Extension of a request whose body arrived as text in Lambda's event: every byte that is not UTF-8 was replaced.
#[derive(Debug, Clone, Copy)]
pub struct ReceivedAsText;

/// Rejects a compressed body that arrived as text. It cannot be restored, so it is not quarantined.
pub(crate) async fn reject_spoiled_body(request: Request, next: Next) -> Response {
    let is_compressed = !matches!(content_coding(request.headers()), Ok(ContentCoding::Identity));
    if is_compressed && request.extensions().get::<ReceivedAsText>().is_some() {
        return spoiled_body().into_response();
    }
    next.run(request).await
}

fn spoiled_body() -> Problem {
    Problem::new(
        ProblemType::UnsupportedMediaType,
        "API Gateway passed the compressed body on as text, which damaged it. Nothing was stored: send the body without \
         Content-Encoding, or configure the API to treat its Content-Type as binary",
    )
}

/// A supported content coding.
#[derive(Debug, Clone, Copy)]
enum ContentCoding {
    Identity,
    Gzip,
    Zstd,
}

/// Decompresses a body. Decompression stops when the result exceeds the limit, so its cost is bounded.
pub(crate) async fn decompress(headers: &HeaderMap, body: Bytes) -> Result<Bytes, DecompressError> {
    let coding = content_coding(headers).map_err(DecompressError::Invalid)?;
    if matches!(coding, ContentCoding::Identity) {
        return Ok(body);
    }
    // 20 MB take a tenth of a second. Other requests are served meanwhile.
    let decompressed = tokio::task::spawn_blocking(move || decompress_blocking(coding, &body)).await;
    match decompressed {
        Ok(Ok(body)) if body.len() > MAX_DECOMPRESSED_BYTES => Err(DecompressError::TooLarge),
        Ok(Ok(body)) => Ok(body.into()),
        Ok(Err(error)) => Err(DecompressError::Invalid(invalid_encoding(&error.to_string()))),
        Err(_) => Err(DecompressError::Invalid(invalid_encoding("the decoder panicked"))),
    }
}

fn content_coding(headers: &HeaderMap) -> Result<ContentCoding, BodyError> {
    let Some(coding) = headers.get(header::CONTENT_ENCODING) else { return Ok(ContentCoding::Identity) };
    let coding = coding.to_str().unwrap_or("unreadable").trim().to_ascii_lowercase();
    match coding.as_str() {
        "" | "identity" => Ok(ContentCoding::Identity),
        "gzip" | "x-gzip" => Ok(ContentCoding::Gzip),
        "zstd" => Ok(ContentCoding::Zstd),
        other => {
            let other: String = other.chars().take(MAX_QUOTED_CHARS).collect();
            let message = format!("unsupported Content-Encoding {other:?}: use gzip, zstd, or none");
            Err(BodyError::new(ProblemType::UnsupportedMediaType, "content-encoding", message))
        }
    }
}

fn invalid_encoding(reason: &str) -> BodyError {
    let message = format!("the body does not match its Content-Encoding: {reason}");
    BodyError::new(ProblemType::BadRequest, "content-encoding", message)
}

/// Decompresses at most one byte more than the limit.
fn decompress_blocking(coding: ContentCoding, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut decompressed = Vec::with_capacity(body.len().saturating_mul(4).min(MAX_DECOMPRESSED_BYTES));
    let max_bytes = MAX_DECOMPRESSED_BYTES as u64 + 1;
    match coding {
        ContentCoding::Identity => decompressed.extend_from_slice(body),
        ContentCoding::Gzip => {
            MultiGzDecoder::new(body).take(max_bytes).read_to_end(&mut decompressed)?;
        }
        ContentCoding::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(body)?;
            decoder.window_log_max(MAX_ZSTD_WINDOW_LOG)?;
            decoder.take(max_bytes).read_to_end(&mut decompressed)?;
        }
    }
    Ok(decompressed)
}

/// The problem of a body that is too large after decompression.
pub(crate) fn body_too_large() -> Problem {
    let detail =
        format!("The decompressed body is larger than {MAX_DECOMPRESSED_BYTES} bytes: split it into several requests");
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

    async fn decompress_with(coding: &str, body: Vec<u8>) -> Result<Bytes, DecompressError> {
        decompress(&HeaderMap::from_iter([(header::CONTENT_ENCODING, coding.parse().unwrap())]), body.into()).await
    }

    #[tokio::test]
    async fn bodies_are_decompressed() {
        for (coding, body) in [
            ("gzip", gzip(b"[1]")),
            ("X-GZIP", gzip(b"[1]")),
            ("gzip", [gzip(b"["), gzip(b"1]")].concat()),
            ("zstd", zstd::encode_all(&b"[1]"[..], 0).unwrap()),
            ("identity", b"[1]".to_vec()),
        ] {
            assert_eq!(decompress_with(coding, body).await.ok().as_deref(), Some(&b"[1]"[..]), "{coding}");
        }
    }

    #[tokio::test]
    async fn decompression_bombs_cost_no_more_than_the_limit() {
        let zeros = vec![0; 25_000_000];
        for (coding, bomb) in [("gzip", gzip(&zeros)), ("zstd", zstd::encode_all(&zeros[..], 1).unwrap())] {
            assert!(bomb.len() < 1_000_000);
            assert!(matches!(decompress_with(coding, bomb).await, Err(DecompressError::TooLarge)), "{coding}");
        }
        let largest = vec![b' '; MAX_DECOMPRESSED_BYTES];
        // A single frame with a window as large as the body.
        let single_frame = zstd::bulk::compress(&largest, 1).unwrap();
        assert!(decompress_with("zstd", single_frame).await.is_ok_and(|body| body.len() == MAX_DECOMPRESSED_BYTES));
        // A frame that requests 2 GB of memory before its first byte.
        let large_window = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
        assert!(matches!(decompress_with("zstd", large_window).await, Err(DecompressError::Invalid(_))));
    }

    #[tokio::test]
    async fn bodies_that_do_not_match_their_encoding_are_rejected() {
        let truncated = gzip(&[b'x'; 1000])[..20].to_vec();
        for (coding, body) in
            [("gzip", b"{}".to_vec()), ("gzip", truncated), ("zstd", b"{}".to_vec()), ("br", b"{}".to_vec())]
        {
            assert!(matches!(decompress_with(coding, body).await, Err(DecompressError::Invalid(_))), "{coding}");
        }
    }
}
