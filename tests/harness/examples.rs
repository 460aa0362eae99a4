//! Events to send.

use jiff::Timestamp;
use serde_json::{Value, json};

/// An example event of a catalog.
#[derive(Debug, Clone)]
pub struct Example {
    /// Its catalog, and the source that the local stack has for it.
    pub catalog: &'static str,
    /// Its type.
    pub event_type: &'static str,
    /// The event, as its producer would send it.
    pub payload: &'static str,
}

/// The example events of every catalog.
pub fn examples() -> Vec<Example> {
    let of_catalog = |catalog: &'static events::Catalog| {
        catalog.types().flat_map(move |event_type| {
            let example =
                |payload: &&'static str| Example { catalog: catalog.name(), event_type: event_type.name, payload };
            event_type.examples.iter().map(example)
        })
    };
    events::catalogs().flat_map(of_catalog).collect()
}

/// A `feature-created` of Unleash with this number.
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
