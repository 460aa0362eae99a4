//! Compression and checksums of payloads.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use crate::error::Error;

/// Maximum size of a stored payload. DynamoDB limits items to 400 KB; the rest is for the other attributes.
pub(crate) const MAX_STORED_BYTES: usize = 384 * 1024;

/// Minimum size of a payload to compress: zstd would not shrink smaller ones.
const MIN_COMPRESSED_BYTES: usize = 192;

/// The default level of zstd: about 400 MB/s, close to its best ratio on JSON of this size.
const ZSTD_LEVEL: i32 = 3;

/// Maximum size of a decompressed payload: more than ingest accepts.
const MAX_DECOMPRESSED_BYTES: usize = 32 * 1024 * 1024;

/// Compresses a payload. Returns the bytes to store, and the name of the compression if they are compressed.
pub(crate) fn compress(payload: &[u8]) -> Result<(Vec<u8>, Option<String>), Error> {
    let compressed = if payload.len() < MIN_COMPRESSED_BYTES {
        None
    } else {
        // Compression in memory fails only if memory is exhausted.
        zstd_compress(payload).filter(|compressed| compressed.len() < payload.len())
    };
    let (stored, marker) = match compressed {
        Some(compressed) => (compressed, Some("zstd".to_owned())),
        None => (payload.to_vec(), None),
    };
    if stored.len() > MAX_STORED_BYTES {
        return Err(Error::TooLarge { sent: payload.len(), stored: stored.len(), limit: MAX_STORED_BYTES });
    }
    Ok((stored, marker))
}

fn zstd_compress(payload: &[u8]) -> Option<Vec<u8>> {
    thread_local! {
        // Creating a compressor takes longer than compressing a small payload.
        static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(ZSTD_LEVEL).ok());
    }
    COMPRESSOR.with_borrow_mut(|compressor| compressor.as_mut()?.compress(payload).ok())
}

/// Returns the checksum of the output of [`compress`]: CRC-32 (IEEE 802.3). It detects damage, not manipulation.
pub(crate) fn checksum(stored: &[u8]) -> u32 {
    crc32fast::hash(stored)
}

/// Decompresses the output of [`compress`]. Items of earlier versions have no checksum.
///
/// # Errors
/// The reason why the bytes are invalid.
pub(crate) fn decompress(stored: Vec<u8>, marker: Option<&str>, expected: Option<u32>) -> Result<Vec<u8>, String> {
    if let Some(expected) = expected {
        let found = checksum(&stored);
        if found != expected {
            return Err(format!("the payload is damaged: its checksum is {found:08x}, expected {expected:08x}"));
        }
    }
    match marker {
        None => Ok(stored),
        Some("zstd") => {
            // The frame declares its decompressed size: a larger buffer would waste memory.
            let size = zstd::zstd_safe::get_frame_content_size(&stored).ok().flatten();
            let capacity = size
                .and_then(|size| usize::try_from(size).ok())
                .map_or(MAX_DECOMPRESSED_BYTES, |size| size.min(MAX_DECOMPRESSED_BYTES));
            zstd_decompress(&stored, capacity).map_err(|e| e.to_string())
        }
        Some(other) => Err(format!("unknown compression {other:?}")),
    }
}

fn zstd_decompress(stored: &[u8], capacity: usize) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = RefCell::new(Decompressor::new().ok());
    }
    DECOMPRESSOR.with_borrow_mut(|decompressor| match decompressor {
        Some(decompressor) => decompressor.decompress(stored, capacity),
        None => zstd::bulk::decompress(stored, capacity),
    })
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn a_payload_that_does_not_fit_is_reported_with_both_sizes() {
        // Hash digits hardly compress, and are the same on every run.
        let noise: Vec<u8> = (0u64..80_000).flat_map(|n| Sha256::digest(n.to_be_bytes())).collect();
        let error = compress(hex::encode(noise).as_bytes()).unwrap_err();
        assert!(matches!(error, Error::TooLarge { sent, stored, .. } if sent > stored), "{error}");
    }
}
