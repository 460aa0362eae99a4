//! The headers and body of a webhook request.

use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use events::Event;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;
use model::Target;
use serde_json::Value;
use webhook::{Escape, Secrets, SigningSecret, Template, TemplateValue};

use crate::signature::sign;
use crate::state::State;

/// Header with the number of webhooks that have forwarded the event from log to log, including this one.
const HOPS_HEADER: HeaderName = HeaderName::from_static("tidings-hops");

/// Maximum size of a rendered body, in bytes.
const MAX_RENDERED_BODY_BYTES: usize = 4 << 20;

/// A request that could not be built.
pub(crate) struct RequestError {
    /// Class of the failure: `secrets` or `template`.
    pub(crate) class: &'static str,
    pub(crate) message: String,
    /// `true` if every further attempt would fail in the same way.
    pub(crate) is_permanent: bool,
}

impl RequestError {
    /// A secret that could not be decrypted or used. The owner of the target can replace it.
    fn secrets(message: impl Into<String>) -> Self {
        Self { class: "secrets", message: message.into(), is_permanent: false }
    }

    fn template(error: &dyn Display) -> Self {
        let message = format!("failed to render the body template: {error}");
        Self { class: "template", message, is_permanent: true }
    }
}

/// Builds the headers and the body of a signed request.
pub(crate) async fn build_request(
    state: &State,
    event: &Event,
    target: &Target,
    at: Timestamp,
) -> Result<(HeaderMap, Bytes), RequestError> {
    let opened = state.keyring.open(&target.name, &target.secrets).await;
    let secrets = opened.map_err(|error| RequestError::secrets(error.to_string()))?;
    let body = match &target.body_template {
        None => Bytes::from(event.payload.clone()),
        Some(template) => Bytes::from(render_body(template, event, &target.content_type)?),
    };
    let is_rotating = target.rotating_until.is_some_and(|until| at < until);
    let previous = secrets.previous_signing.as_ref().filter(|_| is_rotating);
    let keys: Option<Vec<Vec<u8>>> =
        std::iter::once(&secrets.signing).chain(previous).map(SigningSecret::key).collect();
    let keys = keys.ok_or_else(|| RequestError::secrets("failed to decode the target's signing secret; rotate it"))?;
    let signature = sign(event.id, &target.name, &keys, at, &body);
    let mut headers = HeaderMap::new();
    add_custom_headers(&mut headers, target, &secrets)?;
    let mut set = |name: HeaderName, value: &str| match HeaderValue::from_str(value) {
        Ok(value) => {
            headers.insert(name, value);
            Ok(())
        }
        Err(_) => Err(invalid_header(name.as_str())),
    };
    set(header::CONTENT_TYPE, &target.content_type)?;
    set(header::USER_AGENT, concat!("Tidings/", env!("CARGO_PKG_VERSION")))?;
    set(HOPS_HEADER, &event.hops.saturating_add(1).to_string())?;
    set(HeaderName::from_static("webhook-id"), &signature.id)?;
    set(HeaderName::from_static("webhook-timestamp"), &signature.timestamp.to_string())?;
    set(HeaderName::from_static("webhook-signature"), &signature.signature)?;
    Ok((headers, body))
}

/// Adds the target's custom headers and its credentials.
fn add_custom_headers(headers: &mut HeaderMap, target: &Target, secrets: &Secrets) -> Result<(), RequestError> {
    for (name, value) in &secrets.headers {
        let parsed: HeaderName = name.parse().map_err(|_| invalid_header(name))?;
        headers.insert(parsed, sensitive_value(value).ok_or_else(|| invalid_header(name))?);
    }
    let password = secrets.password.as_deref().unwrap_or_default();
    let basic = |name: &String| format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
    let authorization = secrets.authorization.clone().or_else(|| target.username.as_ref().map(basic));
    if let Some(value) = authorization {
        let value = sensitive_value(&value).ok_or_else(|| invalid_header("authorization"))?;
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(())
}

fn invalid_header(name: &str) -> RequestError {
    RequestError::secrets(format!("the header {name} contains invalid characters; set it again"))
}

/// Returns a header value that debug output redacts.
fn sensitive_value(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Renders a body template.
fn render_body(template: &str, event: &Event, content_type: &str) -> Result<String, RequestError> {
    let template = Template::parse(template).map_err(|error| RequestError::template(&error))?;
    let rendered =
        template.render(template_context(event), Escape::for_content_type(content_type), MAX_RENDERED_BODY_BYTES);
    let body = rendered.map_err(|error| RequestError::template(&error))?;
    if webhook::is_json_media_type(content_type)
        && let Err(error) = webhook::validate_json(&body)
    {
        return Err(RequestError::template(&format!("rendered body, {error}")));
    }
    Ok(body)
}

/// Returns the variables of a template: `event`, `eventJson` and `eventMarkdown`, as in Unleash.
fn template_context(event: &Event) -> TemplateValue {
    let payload: Value = serde_json::from_slice(&event.payload).unwrap_or_default();
    let catalog = events::catalog(&event.catalog);
    let markdown = catalog.map(|catalog| catalog.describe(&event.fields, &payload).summary);
    TemplateValue::object([
        ("event", TemplateValue::parse(&event.payload).unwrap_or(TemplateValue::Null)),
        ("eventJson", TemplateValue::String(String::from_utf8_lossy(&event.payload).into_owned())),
        ("eventMarkdown", markdown.map_or(TemplateValue::Null, TemplateValue::String)),
    ])
}
