//! Zstandard frames.

/// The room that inflating a zstd frame takes, as far as it says.
pub(crate) fn capacity(frame: &[u8], most: usize) -> usize {
    let size = zstd::zstd_safe::get_frame_content_size(frame).ok().flatten();
    size.and_then(|size| usize::try_from(size).ok()).map_or(most, |size| size.min(most))
}
