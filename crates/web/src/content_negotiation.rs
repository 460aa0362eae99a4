//! Content negotiation: the `Accept` header.

use axum::http::{HeaderMap, header};

use crate::problem::{Problem, ProblemType};

/// Rejects requests whose `Accept` header excludes JSON.
///
/// # Errors
/// The [`not_acceptable`] problem.
pub fn require_json_accepted(headers: &HeaderMap) -> Result<(), Problem> {
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    if ranges.peek().is_none() || ranges.any(accepts_json) { Ok(()) } else { Err(not_acceptable()) }
}

/// Returns whether a media range includes JSON (RFC 9110, 12.5.1).
fn accepts_json(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_excluded = parts
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(name, value)| name.trim().eq_ignore_ascii_case("q") && value.trim().parse() == Ok(0.0));
    let json = ["*/*", "application/*", "application/json", "application/problem+json"];
    json.contains(&media_type.as_str()) && !is_excluded
}

/// The problem of a client that does not accept the response.
pub fn not_acceptable() -> Problem {
    Problem::new(
        ProblemType::NotAcceptable,
        "The Accept header excludes application/json, the only media type of the response",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_headers_without_json_are_rejected() {
        let accepts = |value: &str| {
            require_json_accepted(&HeaderMap::from_iter([(header::ACCEPT, value.parse().unwrap())])).is_ok()
        };
        for value in [
            "*/*",
            "application/json",
            "Application/JSON; charset=utf-8",
            "text/html, application/*;q=0.8",
            "application/problem+json",
            "",
        ] {
            assert!(accepts(value), "{value}");
        }
        for value in ["text/html", "application/xml", "application/json;q=0", "image/png, text/*"] {
            assert!(!accepts(value), "{value}");
        }
        assert!(require_json_accepted(&HeaderMap::new()).is_ok());
    }
}
