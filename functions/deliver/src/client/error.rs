//! The failure of an exchange.

/// A failed exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Class of the failure.
    pub(crate) class: FailureClass,
    /// Description of the failure for the owner of the target.
    pub(crate) message: String,
}

/// The class of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureClass {
    /// The host name could not be resolved.
    Dns,
    /// The SSRF guard does not allow the address.
    Forbidden,
    /// No connection could be opened.
    Connect,
    /// The TLS handshake failed, or the certificate is not trusted.
    Tls,
    /// The timeout passed.
    Timeout,
    /// The connection broke, or the response was not HTTP.
    Exchange,
}

impl Failure {
    pub(super) fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
