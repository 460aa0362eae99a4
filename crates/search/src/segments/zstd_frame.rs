//! Zstandard frames.

/// Returns the decompressed size that a zstd frame declares, at most `max`; `max` if it declares none.
pub(crate) fn decompressed_size(frame: &[u8], max: usize) -> usize {
    let size = zstd::zstd_safe::get_frame_content_size(frame).ok().flatten();
    size.and_then(|size| usize::try_from(size).ok()).map_or(max, |size| size.min(max))
}
