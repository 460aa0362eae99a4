//! Zstandard frames.

use zstd::bulk::Compressor;

/// Compresses bytes into a frame with a checksum, which decompression verifies: a flipped bit is an error.
pub(crate) fn compress(bytes: &[u8], level: i32) -> std::io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(level)?;
    compressor.include_checksum(true)?;
    compressor.compress(bytes)
}

/// Returns the decompressed size that a zstd frame declares, at most `max`; `max` if it declares none.
pub(crate) fn decompressed_size(frame: &[u8], max: usize) -> usize {
    let size = zstd::zstd_safe::get_frame_content_size(frame).ok().flatten();
    size.and_then(|size| usize::try_from(size).ok()).map_or(max, |size| size.min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_frame_is_detected() {
        let bytes = br#"{"type":"deploy","text":"payload"}"#.repeat(20);
        let frame = compress(&bytes, 1).unwrap();
        let decompress = |frame: &[u8]| zstd::bulk::decompress(frame, decompressed_size(frame, 1 << 20));
        assert_eq!(decompress(&frame).unwrap(), bytes);
        for bit in 0..frame.len() * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decompress(&damaged).ok().is_none_or(|found| found == bytes), "bit {bit}");
        }
    }
}
