//! The beginning of a response body.

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

/// Maximum number of bytes that are read of a response. A longer response ends there, as if it were complete.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// Maximum number of bytes of a response that are stored.
pub(super) const MAX_STORED_RESPONSE_BYTES: usize = 1024;

/// The stored beginning of a response body.
#[derive(Default)]
pub(super) struct BodyPrefix {
    bytes: Vec<u8>,
    /// `true` if the response was longer than the maximum.
    pub(super) is_cut: bool,
}

impl BodyPrefix {
    /// Three more bytes than are stored, so that the last character is seen whole.
    const MAX_KEPT_BYTES: usize = MAX_STORED_RESPONSE_BYTES + 3;

    pub(super) async fn read(&mut self, mut body: Incoming) -> Result<(), hyper::Error> {
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            let remaining = Self::MAX_KEPT_BYTES - self.bytes.len();
            self.bytes.extend(data.iter().take(remaining));
            read += data.len();
            if read >= MAX_RESPONSE_BYTES {
                self.is_cut = !body.is_end_stream();
                break;
            }
        }
        Ok(())
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.bytes).into_owned();
        text.truncate(text.floor_char_boundary(MAX_STORED_RESPONSE_BYTES));
        text
    }
}
