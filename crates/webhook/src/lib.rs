//! What manage, which sets targets up, and deliver, which posts to them, share of webhooks.
//!
//! Secrets are encrypted before they are stored: AES-256-GCM under a data key, which KMS keeps on AWS and a file
//! on a laptop.

mod ca;
mod keyring;
mod secrets;
mod signing;
mod template;

pub use ca::{certificates_alone, trusted};
pub use keyring::{Error, Keyring, write_key};
pub use secrets::Secrets;
pub use signing::{NoRandomness, SigningSecret};
pub use template::{Escape, Named, Position, Template, TemplateError, is_json, json_error};
