//! The `ETag` of a target, and conditional changes.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::{Target, TargetState};
use web::Problem;

use super::problems::changed_since;
use super::response::TargetView;

/// A target with its `ETag`.
pub(super) fn tagged(target: Target, target_state: Option<&TargetState>) -> Response {
    let tag = tag(&target, target_state);
    let mut response = Json(TargetView::new(target, target_state)).into_response();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Returns the `ETag`: the version of the configuration and the start of the pause, which callers can change. The time of
/// creation distinguishes the target from a removed one with the same name. `failing_since` is not part of it: it changes
/// without a caller, and would make conditional changes of an unstable target fail.
fn tag(target: &Target, target_state: Option<&TargetState>) -> String {
    let (created, version) = (target.created_at.as_millisecond(), target.version);
    match target_state.and_then(|target_state| target_state.pause.as_ref()) {
        None => format!("\"{created:x}.{version}\""),
        Some(paused) => format!("\"{created:x}.{version}.{:x}\"", paused.since.as_millisecond()),
    }
}

/// Condition of a request (`If-Match`, RFC 9110, section 13.1.1).
pub(super) struct Condition<'a> {
    headers: &'a HeaderMap,
}

impl<'a> Condition<'a> {
    /// Reads the condition from the headers of a request.
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        Self { headers }
    }

    /// Returns `true` if the request is conditional: it has an `If-Match` header other than `*`.
    pub(super) fn names_one(&self) -> bool {
        self.given().next().is_some() && !self.given().any(|list| list.trim() == "*")
    }

    /// Checks the condition for an existing target.
    ///
    /// # Errors
    /// If the target was changed since the caller read it.
    pub(super) fn check(&self, target: &Target, target_state: Option<&TargetState>) -> Result<(), Problem> {
        if self.names(&tag(target, target_state)) { Ok(()) } else { Err(changed_since()) }
    }

    /// Returns `true` if `If-Match` contains this tag, is `*`, or is missing. Weak tags never match.
    fn names(&self, tag: &str) -> bool {
        !self.names_one() || self.given().any(|list| list.split(',').any(|one| one.trim() == tag))
    }

    /// Returns the values of `If-Match`. Values that are not text are replaced by an empty one, which never matches.
    fn given(&self) -> impl Iterator<Item = &str> {
        self.headers.get_all(header::IF_MATCH).iter().map(|value| value.to_str().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_names_one_tag_several_or_any() {
        let wanted = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_MATCH, HeaderValue::from_static(line));
            }
            Condition::of(&headers).names("\"7\"")
        };
        for lines in [&[][..], &["*"], &["\"7\""], &["\"3\", \"7\""], &["\"7\",\"3\""], &["\"3\"", "\"7\""]] {
            assert!(wanted(lines), "{lines:?}");
        }
        for lines in [&["\"3\""][..], &["7"], &["W/\"7\""], &["\"77\", \"3\""], &[""], &["\"a,*,b\""]] {
            assert!(!wanted(lines), "{lines:?}");
        }
    }
}
