//! Exceptions from the banned phrases, each with its reason.

/// An exception.
pub(super) struct Exception {
    /// The beginning of the file's path.
    pub(super) path: &'static str,
    /// The phrase as it is in the text, in lower case; `*` for all.
    pub(super) phrase: &'static str,
    /// Why it may stay.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader of this file, and checked by a test"))]
    pub(super) reason: &'static str,
}

const fn allow(path: &'static str, phrase: &'static str, reason: &'static str) -> Exception {
    Exception { path, phrase, reason }
}

/// All exceptions.
pub(super) const EXCEPTIONS: &[Exception] = &[
    allow("docs/style.md", "*", "quotes the banned phrases"),
    allow("xtask/src/prose/", "*", "contains the banned phrases and tests of them"),
];

/// Files whose text is not ours.
pub(super) const FOREIGN: &[&str] =
    &["schemas/", "LICENSE", "CODE_OF_CONDUCT.md", "Cargo.lock", "tests/browser/package"];
