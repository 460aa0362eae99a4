//! The `ETag` of a target, and the changes that are made on the condition of one.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::{Target, TargetState};
use web::Problem;

use super::problems::changed_since;
use super::response::TargetView;

/// A target with its `ETag`.
pub(super) fn tagged(target: Target, standing: Option<&TargetState>) -> Response {
    let tag = tag(&target, standing);
    let mut response = Json(TargetView::new(target, standing)).into_response();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// What somebody may change of a target: how it is set up, and since when it is paused. When it was created tells it
/// from one that had its name before. Whether it is failing is left out: that changes by itself, and a target that
/// fails now and then could not be mended by who names what he read.
fn tag(target: &Target, standing: Option<&TargetState>) -> String {
    let (created, version) = (target.created_at.as_millisecond(), target.version);
    match standing.and_then(|standing| standing.pause.as_ref()) {
        None => format!("\"{created:x}.{version}\""),
        Some(paused) => format!("\"{created:x}.{version}.{:x}\"", paused.since.as_millisecond()),
    }
}

/// On which condition a request changes something (RFC 9110, 13.1.1).
pub(super) struct Condition<'a> {
    headers: &'a HeaderMap,
}

impl<'a> Condition<'a> {
    /// That of a request with these headers.
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        Self { headers }
    }

    /// Whether the target must be as somebody read it: `If-Match` is there, and is not `*`.
    pub(super) fn names_one(&self) -> bool {
        self.given().next().is_some() && !self.given().any(|list| list.trim() == "*")
    }

    /// Checks a target that is there.
    ///
    /// # Errors
    /// Where it is not as it was read.
    pub(super) fn check(&self, target: &Target, standing: Option<&TargetState>) -> Result<(), Problem> {
        if self.names(&tag(target, standing)) { Ok(()) } else { Err(changed_since()) }
    }

    /// Whether `If-Match` names this tag among others, or anything, or is not there. Weak tags name nothing.
    fn names(&self, tag: &str) -> bool {
        !self.names_one() || self.given().any(|list| list.split(',').any(|one| one.trim() == tag))
    }

    /// The values of `If-Match`; what is no text is an empty one, which names nothing.
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
