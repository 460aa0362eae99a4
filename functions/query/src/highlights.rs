//! What the timeline shows where nobody says what it is to show.

use events::{Event, Level, Scope};

/// The types of each catalog that change what users of the system see, sorted.
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

/// Whether an event is shown: what changes what users see, signals, and log lines that report an error.
pub(crate) fn is_highlight(event: &Event) -> bool {
    let fields = &event.fields;
    match fields.scope {
        Scope::Signal => true,
        Scope::Logging => fields.level == Some(Level::Error),
        Scope::Lifecycle => types(&event.catalog).binary_search(&&*fields.event_type).is_ok(),
    }
}

fn types(catalog: &str) -> &'static [&'static str] {
    HIGHLIGHTS.iter().find(|(name, _)| *name == catalog).map_or(&[], |(_, types)| types)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_highlight_is_a_type_that_there_is() {
        for (catalog, types) in HIGHLIGHTS {
            let catalog = events::catalog(catalog).unwrap();
            assert!(types.is_sorted(), "{} are looked up by halves", catalog.name());
            for name in types {
                assert!(catalog.event_type(name).is_some(), "{name}");
            }
        }
    }
}
