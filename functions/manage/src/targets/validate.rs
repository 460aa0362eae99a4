//! Validation of the fields of a target.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use events::{Level, Scope};
use model::duration;
use url::Url;
use webhook::{Position, SigningSecret, Template, TemplateTag};

use crate::validation::Violations;

/// Maximum characters of an address.
pub(super) const MAX_ADDRESS_CHARS: usize = 2048;

/// Maximum number of values of a filter.
pub(super) const MAX_FILTER_VALUES: usize = 50;

/// Maximum characters of a filter value, a user name or a password.
pub(super) const MAX_VALUE_CHARS: usize = 256;

/// Maximum characters of a header value, which is ASCII.
pub(super) const MAX_HEADER_VALUE_CHARS: usize = 4096;

/// Maximum bytes of the certificates.
pub(super) const MAX_CA_CERT_BYTES: usize = 64 * 1024;

/// Maximum bytes of a template.
pub(super) const MAX_TEMPLATE_BYTES: usize = 64 * 1024;

const MAX_HEADERS: usize = 20;

/// Headers of the connection, and headers that have their own field.
const RESERVED_HEADERS: [&str; 15] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// Root names of templates.
const TEMPLATE_ROOTS: [&str; 3] = ["event", "eventJson", "eventMarkdown"];

pub(super) fn address(address: &str, violations: &mut Violations) -> Option<Url> {
    let mut refuse = |message: &str| {
        violations.add("address", "format", message);
        None
    };
    if is_longer(address, MAX_ADDRESS_CHARS) {
        return refuse(&format!("expected at most {MAX_ADDRESS_CHARS} characters"));
    }
    // The URL parser is lenient. These rules reject texts whose host is not the one that a reader sees.
    if address.trim() != address || address.chars().any(char::is_control) {
        return refuse("expected no spaces around it, and no line breaks or other control characters in it");
    }
    if address.split(['?', '#']).next().is_some_and(|place| place.contains('\\')) {
        return refuse("expected no backslash: slashes part a URL");
    }
    let url = match address.parse::<Url>() {
        Ok(url) => url,
        Err(url::ParseError::InvalidPort) => return refuse("expected a port from 1 to 65535"),
        Err(_) => return refuse("expected a URL with scheme and host, such as https://example.com/hook"),
    };
    if !matches!(url.scheme(), "https" | "http") {
        return refuse("expected a URL that begins with https:// or http://");
    }
    let place = address.get(url.scheme().len()..).and_then(|rest| rest.strip_prefix("://"));
    if place.is_none_or(|place| place.starts_with('/')) {
        return refuse("expected two slashes and a host after the scheme, such as https://example.com/hook");
    }
    if url.port() == Some(0) {
        return refuse("expected a port from 1 to 65535");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("expected no user name or password in the address: there are fields for them");
    }
    Some(url)
}

/// Parses a duration of whole milliseconds. `0` is valid, because Go writes it.
fn duration_of(text: &str) -> Result<Duration, &'static str> {
    let read = if text == "0" { Some(Duration::ZERO) } else { duration::parse(text) };
    let read = read.ok_or("expected durations such as 500ms, 10s, 5m or 1h30m")?;
    // Smaller units are not stored: the response would differ from the request.
    if read.subsec_nanos() % 1_000_000 == 0 { Ok(read) } else { Err("expected whole milliseconds") }
}

/// Parses a duration between two limits (inclusive).
pub(super) fn span(
    field: &str,
    given: Option<&str>,
    default: &str,
    [least, most]: [&str; 2],
    violations: &mut Violations,
) -> Option<Duration> {
    let given = given.filter(|given| !given.is_empty()).unwrap_or(default);
    let span = duration_of(given);
    let within = |span: &Duration| duration::parse(least) <= Some(*span) && Some(*span) <= duration::parse(most);
    match span {
        Ok(span) if within(&span) => return Some(span),
        Err(wrong) if duration::parse(given).is_some() => violations.add(field, "format", wrong),
        _ => {
            let keyword = if span.is_ok() { "maximum" } else { "format" };
            let message = format!("expected a duration from {least} to {most}, such as 10s, 5m or 1h30m");
            violations.add(field, keyword, message);
        }
    }
    None
}

pub(super) fn schedule(waits: &[String], most: usize, violations: &mut Violations) -> Option<Vec<Duration>> {
    if waits.is_empty() || waits.len() > most {
        violations.add("retry_schedule", "maxItems", format!("expected 1 to {most} durations"));
        return None;
    }
    let read: Result<Vec<Duration>, _> = waits.iter().map(|wait| duration_of(wait)).collect();
    read.map_err(|wrong| violations.add("retry_schedule", "format", wrong)).ok()
}

pub(super) fn level(given: Option<&str>, violations: &mut Violations) -> Option<Level> {
    let given = given.filter(|given| !given.is_empty())?;
    let mut all = [Level::Debug, Level::Info, Level::Warn, Level::Error].into_iter();
    let level = all.find(|level| level.to_string().eq_ignore_ascii_case(given));
    if level.is_none() {
        violations.add("level", "enum", "expected one of DEBUG, INFO, WARN, ERROR");
    }
    level
}

pub(super) fn scopes(given: Option<&[String]>, violations: &mut Violations) -> Option<Vec<Scope>> {
    const ALL: [Scope; 3] = [Scope::Lifecycle, Scope::Logging, Scope::Signal];
    // An empty list means the default, as in Migration Manager.
    let given = given.filter(|given| !given.is_empty())?;
    let known = |name: &String| ALL.into_iter().find(|scope| scope.to_string() == *name);
    let scopes: Option<Vec<Scope>> = given.iter().map(known).collect();
    match scopes {
        None => violations.add("scopes", "enum", "expected scopes among lifecycle, logging and signal"),
        Some(scopes) if scopes.iter().enumerate().all(|(n, scope)| !scopes[..n].contains(scope)) => {
            return Some(scopes);
        }
        Some(_) => violations.add("scopes", "uniqueItems", "expected each scope once"),
    }
    None
}

/// Validates the values of a filter field. `*` alone means every value, as in other products, which an empty list does here.
pub(super) fn list(field: &str, values: &[String], violations: &mut Violations) -> Vec<String> {
    if let ["*"] = values.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return Vec::new();
    }
    let shown = |value: &str| value.chars().take(64).collect::<String>();
    if let Some(pattern) = values.iter().find(|value| value.contains('*')) {
        let message = format!(
            "{:?}: patterns are not supported: list each value, or leave the field out for every value",
            shown(pattern)
        );
        violations.add(field, "pattern", message);
    }
    if let Some(padded) = values.iter().find(|value| value.trim() != *value) {
        violations.add(field, "pattern", format!("{:?}: expected no spaces around a value", shown(padded)));
    }
    if values.len() > MAX_FILTER_VALUES
        || values.iter().any(|value| value.is_empty() || is_longer(value, MAX_VALUE_CHARS))
    {
        let message = format!("expected at most {MAX_FILTER_VALUES} values of 1 to {MAX_VALUE_CHARS} characters");
        violations.add(field, "maxItems", message);
    }
    values.to_vec()
}

/// Returns `true` if a text has more characters, as JSON Schema counts them.
fn is_longer(text: &str, most: usize) -> bool {
    text.len() > most && text.chars().count() > most
}

pub(super) fn length(field: &str, value: Option<&str>, most: usize, violations: &mut Violations) {
    if value.is_some_and(|value| is_longer(value, most)) {
        violations.add(field, "maxLength", format!("expected at most {most} characters"));
    }
}

pub(super) fn header_value(field: &str, value: Option<&str>, violations: &mut Violations) {
    if value.is_some_and(|value| !is_header_value(value)) {
        violations.add(field, "pattern", "expected what a header may hold: visible characters and spaces");
    }
}

fn is_header_value(value: &str) -> bool {
    HeaderValue::from_str(value).is_ok_and(|value| value.to_str().is_ok())
}

pub(super) fn content_type(value: &str, violations: &mut Violations) {
    if value.len() > MAX_VALUE_CHARS || !is_header_value(value) || !value.contains('/') {
        violations.add("content_type", "format", "expected a media type such as application/json");
    }
}

/// Validates headers, and returns them with names in lower case.
pub(super) fn headers(given: BTreeMap<String, String>, violations: &mut Violations) -> BTreeMap<String, String> {
    if given.len() > MAX_HEADERS {
        violations.add("headers", "maxProperties", format!("expected at most {MAX_HEADERS} headers"));
    }
    let mut headers = BTreeMap::new();
    for (name, value) in given {
        let lower = name.to_ascii_lowercase();
        let mut refuse = |keyword: &str, message: &str| {
            let shown: String = name.chars().take(64).collect();
            violations.add("headers", keyword, format!("{shown:?}: {message}"));
        };
        if name.len() > MAX_VALUE_CHARS || lower.parse::<HeaderName>().is_err() {
            refuse("pattern", "expected a header's name: letters, digits and dashes");
        } else if RESERVED_HEADERS.contains(&lower.as_str()) || lower.starts_with("webhook-") {
            refuse("not", "this header is set by Tidings, or has a field of its own");
        } else if value.len() > MAX_HEADER_VALUE_CHARS || !is_header_value(&value) {
            refuse("pattern", "expected a value of at most 4096 visible characters and spaces");
        } else if headers.insert(lower, value).is_some() {
            refuse("uniqueItems", "expected each header once: upper and lower case are the same");
        }
    }
    headers
}

pub(super) fn ca_cert(pem: Option<&str>, violations: &mut Violations) {
    let Some(pem) = pem else { return };
    if pem.len() > MAX_CA_CERT_BYTES {
        violations.add("ca_cert", "maxLength", format!("expected at most {MAX_CA_CERT_BYTES} bytes"));
    } else if let Err(reason) = webhook::validate_certificates(pem) {
        violations.add("ca_cert", "format", reason);
    }
}

pub(super) fn template(text: Option<&str>, violations: &mut Violations) {
    let Some(text) = text else { return };
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(error) => return violations.add("body_template", "format", error.to_string()),
    };
    for tag in template.tags() {
        if let Some((keyword, wrong)) = wrong_name(tag) {
            let Position { line, column } = tag.position;
            violations.add("body_template", keyword, format!("line {line}, column {column}: {wrong}"));
        }
    }
}

/// Returns the violation of a name in a template that would render as nothing.
fn wrong_name(tag: &TemplateTag) -> Option<(&'static str, String)> {
    let (name, root) = (&*tag.name, tag.root());
    if name.contains('|') {
        return Some(("pattern", format!("`{name}`: there are no pipes or filters, only names")));
    }
    if !tag.is_root {
        return None;
    }
    if !TEMPLATE_ROOTS.contains(&root) {
        return Some(("enum", format!("there is no {root:?}, only {}", TEMPLATE_ROOTS.join(", "))));
    }
    (root != "event" && name != root).then(|| {
        (
            "enum",
            format!(
                "there is no {name:?}: `{root}` is a text, which has no parts. Those of the payload are in `event`"
            ),
        )
    })
}

/// Validates a signing secret (Standard Webhooks): `whsec_` and 24 to 64 bytes in base64.
pub(super) fn signing_secret(field: &str, secret: String, violations: &mut Violations) -> Option<SigningSecret> {
    let secret = SigningSecret::new(secret);
    if secret.key().is_some_and(|key| (24..=64).contains(&key.len())) {
        return Some(secret);
    }
    violations.add(field, "format", "expected `whsec_` and 24 to 64 bytes in base64; leave it out and one is made");
    None
}
