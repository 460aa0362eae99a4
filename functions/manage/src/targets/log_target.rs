//! Conversion of Migration Manager's log targets, which are accepted unchanged as targets.

use url::Url;

/// Type of the events of scope `logging` in the catalog of Migration Manager.
const LOG_EVENT_TYPE: &str = "logging";

/// Returns the types of a target's `events` for lifecycle actions. Actions do not restrict log lines.
pub(super) fn event_types(mut actions: Vec<String>) -> Vec<String> {
    if !actions.iter().any(|action| action == LOG_EVENT_TYPE || action == "*") {
        actions.push(LOG_EVENT_TYPE.to_owned());
    }
    actions
}

/// Returns an address without its credentials, the user name, and the password; `None` if it contains no credentials.
pub(super) fn split_credentials(address: &str) -> Option<(String, String, String)> {
    let mut url: Url = address.parse().ok()?;
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().ok().map(String::from);
    let (username, password) = (decode(url.username())?, decode(url.password().unwrap_or_default())?);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some((url.into(), username, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_from_an_address() {
        let (address, username, password) = split_credentials("https://mm:a%40b@example.com/v1/events").unwrap();
        assert_eq!((address.as_str(), username.as_str()), ("https://example.com/v1/events", "mm"));
        assert_eq!(password, "a@b");
        assert_eq!(split_credentials("https://example.com/@"), None);
        assert_eq!(split_credentials("no address"), None);
        assert_eq!(split_credentials("https://%FF:x@example.com"), None, "not UTF-8");
    }

    #[test]
    fn actions_do_not_restrict_log_lines() {
        assert_eq!(event_types(vec!["batch-created".into()]), ["batch-created", "logging"]);
        assert_eq!(event_types(vec!["*".into()]), ["*"]);
    }
}
