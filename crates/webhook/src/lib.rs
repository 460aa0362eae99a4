//! Webhook building blocks that `manage` (which configures targets) and `deliver` (which sends to them) share: encrypted
//! secrets, body templates, trust anchors and masks of credentials.
//!
//! Anything that sends requests or reads the log belongs in `deliver`; anything that validates API requests belongs in
//! `manage`.
//!
//! Secrets are encrypted before they are stored, with AES-256-GCM and a data key. On AWS, KMS protects the data key; on a
//! laptop, it is in a file.

mod keyring;
mod mask;
mod secrets;
mod signing_secret;
mod template;
mod trust_anchors;

pub use keyring::{Keyring, KeyringError, create_key_file};
pub use mask::{mask_address, mask_text};
pub use secrets::Secrets;
pub use signing_secret::{NoRandomness, SigningSecret};
pub use template::{
    Escape, Position, Template, TemplateError, TemplateObject, TemplateTag, TemplateValue, is_json_media_type,
    validate_json,
};
pub use trust_anchors::{parse_trust_anchors, validate_certificates};
