//! A catalog's rules for finding fields in a payload: `catalog.json`, as data.

use std::collections::HashSet;

use serde_json::Value;

use crate::event::{Level, Scope};
use crate::id::ProducerId;

/// Where each field may stand; the first place that holds one wins. The meaning of each is
/// documented at `codegen::CatalogFile`, which these are made of.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) event_type: &'static [Place],
    pub(crate) untyped: Option<&'static str>,
    pub(crate) lenient_time: bool,
    pub(crate) scope: ScopeRule,
    pub(crate) time: &'static [Place],
    pub(crate) producer_id: &'static [Place],
    pub(crate) actor: &'static [Place],
    pub(crate) subject: &'static [Place],
    pub(crate) entities: &'static [Place],
    pub(crate) project: &'static [Place],
    pub(crate) environment: &'static [Place],
    pub(crate) level: &'static [Place],
}

/// A JSON Pointer, and which part of the string there is meant.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) at: &'static str,
    /// The part begins after the first of these.
    pub(crate) after: Option<&'static str>,
    /// The part ends before the last of these.
    pub(crate) before: Option<&'static str>,
}

/// How an event's scope is found.
#[derive(Debug)]
pub(crate) enum ScopeRule {
    Always(Scope),
    From { at: Place, values: &'static [(&'static str, Scope)], otherwise: Scope },
}

/// A text, and the JSON Pointer that it was found at.
pub(crate) type Found = (&'static str, String);

impl Place {
    /// The text here, if there is any.
    fn text(&self, payload: &Value) -> Option<String> {
        self.cut(payload.pointer(self.at)?)
    }

    fn cut(&self, value: &Value) -> Option<String> {
        let text = match value {
            Value::String(text) => text.as_str(),
            Value::Number(number) => return Some(number.to_string()),
            _ => return None,
        };
        let text = self.after.and_then(|after| text.split_once(after)).map_or(text, |(_, rest)| rest);
        let text = self.before.and_then(|before| text.rsplit_once(before)).map_or(text, |(rest, _)| rest);
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// The first text that stands in any of the places.
pub(crate) fn first(places: &[Place], payload: &Value) -> Option<Found> {
    places.iter().find_map(|place| Some((place.at, place.text(payload)?)))
}

/// The texts in all the places, each once.
pub(crate) fn all(places: &[Place], payload: &Value) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut known: HashSet<String> = HashSet::new();
    for place in places {
        let values = match payload.pointer(place.at) {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        for text in values.iter().filter_map(|value| place.cut(value)) {
            if known.insert(text.clone()) {
                found.push((place.at, text));
            }
        }
    }
    found
}

impl Rules {
    /// The event's type, and where it stands.
    pub(crate) fn event_type(&self, payload: &Value) -> Option<Found> {
        first(self.event_type, payload)
    }

    /// What events are called that say no type.
    pub(crate) fn untyped(&self) -> Option<Found> {
        Some(("", self.untyped?.to_owned()))
    }

    pub(crate) fn scope(&self, payload: &Value) -> Scope {
        match &self.scope {
            ScopeRule::Always(scope) => *scope,
            ScopeRule::From { at, values, otherwise } => {
                let text = at.text(payload).unwrap_or_default();
                values.iter().find(|(value, _)| *value == text).map_or(*otherwise, |(_, scope)| *scope)
            }
        }
    }

    pub(crate) fn producer_id(&self, payload: &Value) -> Option<ProducerId> {
        self.producer_id.iter().find_map(|place| {
            let value = payload.pointer(place.at)?;
            if let Some(number) = whole_number(value).and_then(|number| number.try_into().ok()) {
                return Some(ProducerId::Number(number));
            }
            // Different numbers that a double cannot hold look alike: they identify nothing.
            if value.as_f64().is_some_and(|float| float.abs() > MAX_SAFE) {
                return None;
            }
            place.cut(value).map(ProducerId::Text)
        })
    }

    /// The level of a log line. Producers write levels in either case, and with a distance from
    /// the next named one (`ERROR+2`); what cannot be understood is no level.
    pub(crate) fn level(&self, payload: &Value) -> Option<Level> {
        let (_, text) = first(self.level, payload)?;
        let text = text.trim_start().to_ascii_uppercase();
        let levels = [
            ("TRACE", Level::Debug),
            ("DEBUG", Level::Debug),
            ("INFO", Level::Info),
            ("WARN", Level::Warn),
            ("ERR", Level::Error),
            ("FATAL", Level::Error),
        ];
        levels.into_iter().find(|(name, _)| text.starts_with(name)).map(|(_, level)| level)
    }
}

/// The largest whole number up to which a double holds every one.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

/// The value as a whole number. JSON Schema counts `1.0` as one, so this does too.
pub(crate) fn whole_number(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= MAX_SAFE)?;
        // Whole and within 2^53: exact.
        #[expect(clippy::cast_possible_truncation)]
        Some(float as i64)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const REQUESTOR: Place = Place { at: "/requestor", after: Some("/"), before: Some(" (") };

    #[test]
    fn a_part_of_a_string() {
        for (requestor, actor) in [
            ("tls/a57b (10.0.0.101)", Some("a57b")),
            ("oidc/ada@example.org (10.0.0.1:443)", Some("ada@example.org")),
            ("oidc/https://id/ada (work) (10.0.0.1)", Some("https://id/ada (work)")),
            ("unix/root", Some("root")),
            ("ada", Some("ada")),
            ("tls/ (10.0.0.1)", None),
            ("", None),
        ] {
            let found = REQUESTOR.text(&json!({ "requestor": requestor }));
            assert_eq!(found.as_deref(), actor, "{requestor}");
        }
    }

    #[test]
    fn whole_numbers() {
        assert_eq!(whole_number(&json!(27332)), Some(27332));
        assert_eq!(whole_number(&json!(27332.0)), Some(27332));
        assert_eq!(whole_number(&json!(1.5)), None);
        assert_eq!(whole_number(&json!(1e300)), None);
        assert_eq!(whole_number(&json!("1")), None);
    }
}
