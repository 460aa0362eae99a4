//! The filter of a target, compared with a search by its conditions.

use events::{Event, EventId, Fields, Level, Scope};
use jiff::Timestamp;
use model::{EventFilter, SearchFilter};
use proptest::prelude::*;

use super::header::SegmentHeader;
use super::row::Row;

fn event(scope: Scope, event_type: &str, level: Option<Level>) -> Event {
    let fields = Fields {
        scope,
        event_type: event_type.into(),
        time: Timestamp::UNIX_EPOCH,
        time_given: true,
        actor: None,
        subject: None,
        entities: vec![],
        project: None,
        environment: None,
        level,
        schema_version: None,
    };
    Event {
        id: EventId::from_u64(1).unwrap(),
        source: "unleash-prod".into(),
        catalog: "unleash".into(),
        received_at: "2026-06-01T00:00:00Z".parse().unwrap(),
        stored_at: None,
        hops: 0,
        nudge: None,
        fields,
        payload: b"{}".to_vec(),
    }
}

fn some<T: std::fmt::Debug + Clone + 'static>(values: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(values)
}

prop_compose! {
    fn all_events()(
        (source, catalog) in some(&[("unleash-prod", "unleash"), ("mm", "migration-manager"), ("tidings", "tidings")]),
        scope in some(&[Scope::Lifecycle, Scope::Logging, Scope::Signal]),
        event_type in some(&["a", "b"]),
        level in some(&[None, Some(Level::Debug), Some(Level::Warn), Some(Level::Error)]),
        project in some(&[None, Some("web"), Some("app")]),
        environment in some(&[None, Some("production"), Some("staging")]),
    ) -> Event {
        // Only log lines have a level.
        let mut event = event(scope, event_type, level.filter(|_| scope == Scope::Logging));
        (event.source, event.catalog) = (source.to_owned(), catalog.to_owned());
        event.fields.project = project.map(str::to_owned);
        event.fields.environment = environment.map(str::to_owned);
        event
    }
}

prop_compose! {
    fn filters()(
        level in some(&[Level::Debug, Level::Info, Level::Warn, Level::Error]),
        scopes in prop::sample::subsequence(vec![Scope::Lifecycle, Scope::Logging, Scope::Signal], 1..=3),
        sources in prop::sample::subsequence(vec!["unleash-prod", "mm", "tidings"], 0..=3),
        events in prop::sample::subsequence(vec!["a", "b"], 0..=2),
        projects in prop::sample::subsequence(vec!["web", "app"], 0..=2),
        environments in prop::sample::subsequence(vec!["production", "staging"], 0..=2),
        include_unscoped in any::<bool>(),
    ) -> EventFilter {
        let owned = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect();
        let (sources, events) = (owned(sources), owned(events));
        let (projects, environments) = (owned(projects), owned(environments));
        EventFilter { level, scopes, sources, events, projects, environments, include_unscoped }
    }
}

proptest! {
    /// A preview and a replay select the events that fanout would have delivered.
    #[test]
    fn a_search_by_the_conditions_of_a_target_agrees_with_its_filter(filter in filters(), event in all_events()) {
        let search = SearchFilter { conditions: filter.conditions(), ..SearchFilter::default() };
        let passes = filter.check(&event).is_ok();
        let row = Row::new(event, None);
        let (header, _) = SegmentHeader::new(std::slice::from_ref(&row));
        let found = header.select(&search, (0, EventId::MAX.as_u64()), 0);
        prop_assert_eq!(!found.is_empty(), passes);
    }
}
