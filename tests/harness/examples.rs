//! Example events.

use jiff::Timestamp;
use serde_json::{Value, json};

/// The time of sample events: 2026-05-01T00:00:00Z.
const MAY_2026: Timestamp = Timestamp::constant(1_777_593_600, 0);

/// An example event of a catalog.
#[derive(Debug, Clone)]
pub struct Example {
    /// The catalog, which is also the name of its source on the local stack.
    pub catalog: &'static str,
    /// The event type.
    pub event_type: &'static str,
    /// The event in JSON, as its producer sends it.
    pub payload: &'static str,
}

/// Returns the example events of every catalog except `tidings`, whose events only Tidings itself writes.
pub fn examples() -> Vec<Example> {
    let of_catalog = |catalog: &'static events::Catalog| {
        catalog.types().flat_map(move |event_type| {
            let example =
                |payload: &&'static str| Example { catalog: catalog.name(), event_type: event_type.name, payload };
            event_type.examples.iter().map(example)
        })
    };
    events::catalogs().filter(|catalog| catalog.name() != events::TIDINGS_SOURCE).flat_map(of_catalog).collect()
}

/// Returns the first example of an event type.
///
/// # Panics
/// If no catalog has an example of this type.
pub fn example(event_type: &str) -> Example {
    let example = examples().into_iter().find(|example| example.event_type == event_type);
    example.unwrap_or_else(|| panic!("no example of {event_type}"))
}

/// Returns an Unleash event of type `feature-created` with this id and default values.
pub fn sample_event(id: u64) -> Value {
    unleash_event(id, MAY_2026, "flag", "web", "ada")
}

/// Returns an Unleash event of type `feature-created`.
pub fn unleash_event(id: u64, time: Timestamp, feature: &str, project: &str, user: &str) -> Value {
    json!({
        "id": id,
        "type": "feature-created",
        "createdBy": user,
        "createdAt": format!("{time:.3}"),
        "createdByUserId": 110,
        "data": { "name": feature, "description": null, "type": "release", "project": project, "stale": false },
        "preData": null,
        "tags": [],
        "featureName": feature,
        "project": project,
        "environment": null,
    })
}
