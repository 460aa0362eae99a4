//! JSON Pointers (RFC 6901).

use std::fmt;

/// Appends a reference token to `pointer`, escaped as RFC 6901 requires.
pub(crate) fn child_pointer(pointer: &str, key: impl fmt::Display) -> String {
    let key = key.to_string().replace('~', "~0").replace('/', "~1");
    format!("{pointer}/{key}")
}

/// Unescapes a reference token: `a~1b` names the key `a/b`.
pub(crate) fn unescape_token(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
