//! The events that the timeline shows by default.

use events::{Level, Scope};
use model::{Condition, Field};

/// The types of each catalog that change what the users of the system see.
const HIGHLIGHTS: [(&str, &[&str]); 2] = [
    (
        "migration-manager",
        &[
            "batch-reset",
            "batch-started",
            "batch-stopped",
            "migration-created",
            "migration-final-completed",
            "migration-final-started",
            "migration-sync-completed",
            "migration-sync-started",
            "system-certificate-modified",
            "system-network-modified",
            "system-security-modified",
            "system-settings-modified",
        ],
    ),
    (
        "unleash",
        &[
            "drop-environments",
            "drop-features",
            "drop-projects",
            "drop-strategies",
            "environment-created",
            "environment-deleted",
            "environment-updated",
            "feature-archived",
            "feature-created",
            "feature-environment-disabled",
            "feature-environment-enabled",
            "feature-environment-variants-updated",
            "feature-metadata-updated",
            "feature-revived",
            "feature-strategy-add",
            "feature-strategy-remove",
            "feature-strategy-update",
            "feature-updated",
            "segment-created",
            "segment-deleted",
            "segment-updated",
            "setting-created",
            "setting-deleted",
            "setting-updated",
            "strategy-order-changed",
        ],
    ),
];

/// Returns the alternatives of which a highlight matches one: user-visible changes, signals, and log lines of level error.
pub(crate) fn highlights() -> Vec<Vec<Condition>> {
    let is = |field, values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Condition { field, values, or_none: false }
    };
    let scope = |scope: Scope| is(Field::Scope, &[&scope.to_string()]);
    let changes = HIGHLIGHTS
        .map(|(catalog, types)| vec![scope(Scope::Lifecycle), is(Field::Catalog, &[catalog]), is(Field::Type, types)]);
    let errors = vec![scope(Scope::Logging), is(Field::Level, &[&Level::Error.to_string()])];
    [vec![scope(Scope::Signal)], errors].into_iter().chain(changes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_highlight_is_a_type_of_its_catalog() {
        for (catalog, types) in HIGHLIGHTS {
            let catalog = events::catalog(catalog).unwrap();
            for name in types {
                assert!(catalog.event_type(name).is_some(), "{name}");
            }
        }
    }
}
