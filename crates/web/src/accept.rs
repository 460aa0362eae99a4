//! What a client can read.

use axum::http::{HeaderMap, header};

use crate::problem::{Kind, Problem};

/// Refuses requests whose `Accept` leaves out JSON, which is what is answered here.
///
/// # Errors
/// The problem to answer with.
pub fn must_accept_json(headers: &HeaderMap) -> Result<(), Problem> {
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    if ranges.peek().is_none() || ranges.any(takes_json) { Ok(()) } else { Err(not_acceptable()) }
}

/// Whether a media range takes JSON (RFC 9110, 12.5.1).
fn takes_json(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let refused = parts
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(name, value)| name.trim().eq_ignore_ascii_case("q") && value.trim().parse() == Ok(0.0));
    let json = ["*/*", "application/*", "application/json", "application/problem+json"];
    json.contains(&media_type.as_str()) && !refused
}

/// The problem of a client that cannot read the answer.
pub fn not_acceptable() -> Problem {
    Problem::new(Kind::NotAcceptable, "The Accept header leaves out application/json, which is what is answered here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_what_is_answered() {
        let accepts =
            |value: &str| must_accept_json(&HeaderMap::from_iter([(header::ACCEPT, value.parse().unwrap())])).is_ok();
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
        assert!(must_accept_json(&HeaderMap::new()).is_ok());
    }
}
