use ::events::{EventId, Fields, Level, Scope};
use proptest::prelude::*;

use super::*;
use crate::search::Filter;
use crate::segments::{Head, Row};

pub(crate) fn target() -> Target {
    let created_at = "2026-01-01T00:00:00Z".parse().unwrap();
    Target {
        name: "t".into(),
        description: None,
        address: "https://example.com".parse().unwrap(),
        wanted: Wanted::default(),
        wanted_since: created_at,
        former: Vec::new(),
        retry: Retry { count: 3, timeout: Duration::from_secs(10), schedule: None },
        timeout: Duration::from_secs(10),
        disable_after: Duration::from_hours(120),
        content_type: "application/json".into(),
        body_template: None,
        username: None,
        headers: Vec::new(),
        has_password: false,
        has_authorization: false,
        ca_cert: None,
        sealed: Sealed(b"c2VjcmV0".to_vec()),
        rotating_until: None,
        created_at,
        version: 1,
    }
}

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
        fields,
        payload: b"{}".to_vec(),
    }
}

#[track_caller]
fn refused_by(target: &Target, event: &Event) -> Option<&'static str> {
    target.wants(event).err().map(|not| not.filter)
}

#[test]
fn level_bounds_logging_alone() {
    let target = target();
    assert_eq!(refused_by(&target, &event(Scope::Logging, "logging", Some(Level::Info))), Some("level"));
    assert_eq!(refused_by(&target, &event(Scope::Logging, "logging", Some(Level::Warn))), None);
    assert_eq!(refused_by(&target, &event(Scope::Logging, "logging", None)), None);
    assert_eq!(refused_by(&target, &event(Scope::Lifecycle, "batch-started", Some(Level::Debug))), None);
}

#[test]
fn the_filter_that_says_no_is_named() {
    let mut target = target();
    target.wanted.scopes = vec![Scope::Lifecycle];
    target.wanted.events = vec!["feature-created".into()];
    assert_eq!(refused_by(&target, &event(Scope::Logging, "logging", None)), Some("scopes"));
    assert_eq!(refused_by(&target, &event(Scope::Lifecycle, "feature-tagged", None)), Some("events"));
    let created = event(Scope::Lifecycle, "feature-created", None);
    assert_eq!(refused_by(&target, &created), None);
    target.wanted.sources = vec!["unleash-test".into()];
    assert_eq!(refused_by(&target, &created), Some("sources"));
}

#[test]
fn what_has_no_project_passes_unless_it_is_left_out() {
    let mut target = target();
    target.wanted.projects = vec!["web".into()];
    target.wanted.environments = vec!["production".into()];
    let mut event = event(Scope::Lifecycle, "feature-created", None);
    assert_eq!(refused_by(&target, &event), None);
    target.wanted.include_unscoped = false;
    assert_eq!(refused_by(&target, &event), Some("projects"));
    event.fields.project = Some("web".into());
    assert_eq!(refused_by(&target, &event), Some("environments"));
    event.fields.environment = Some("staging".into());
    target.wanted.include_unscoped = true;
    assert_eq!(refused_by(&target, &event), Some("environments"));
}

#[test]
fn our_own_events_go_to_those_who_name_their_source() {
    let mut own = event(Scope::Lifecycle, "target-paused", None);
    (own.source, own.catalog) = ("tidings".into(), "tidings".into());
    let mut target = target();
    assert_eq!(refused_by(&target, &own), Some("sources"));
    target.wanted.sources = vec!["tidings".into()];
    assert_eq!(refused_by(&target, &own), None);
}

#[test]
fn events_older_than_the_target_are_not_wanted() {
    let mut early = event(Scope::Lifecycle, "x", None);
    early.received_at = "2025-12-31T23:59:59Z".parse().unwrap();
    assert_eq!(refused_by(&target(), &early), Some("created_at"));
}

#[test]
fn an_event_is_judged_by_the_filters_of_when_it_came() {
    let mut target = target();
    let event = event(Scope::Lifecycle, "feature-created", None);
    let later = "2026-07-01T00:00:00Z".parse().unwrap();
    target.want(Wanted { scopes: vec![Scope::Logging], ..Wanted::default() }, later);
    assert_eq!(refused_by(&target, &event), None, "it came before the change");
    let after = Event { received_at: later, ..event.clone() };
    assert_eq!(refused_by(&target, &after), Some("scopes"));
    for day in 1..=30 {
        let scopes = if day % 2 == 0 { vec![Scope::Logging] } else { vec![Scope::Lifecycle] };
        let at = later + jiff::SignedDuration::from_hours(24 * day);
        target.want(Wanted { scopes, ..Wanted::default() }, at);
    }
    assert_eq!(refused_by(&target, &event), Some("unknown"));
}

#[test]
fn a_schedule_has_one_attempt_more_than_waits() {
    let seconds = Duration::from_secs;
    let plain = Retry { count: 3, timeout: seconds(10), schedule: None };
    assert_eq!([1, 2, 3].map(|made| plain.wait(made)), [Some(seconds(10)), Some(seconds(10)), None]);
    let schedule = Retry { schedule: Some(vec![seconds(1), seconds(60)]), ..plain };
    assert_eq!([1, 2, 3].map(|made| schedule.wait(made)), [Some(seconds(1)), Some(seconds(60)), None]);
    assert_eq!(schedule.longest(), seconds(61));
}

#[test]
fn a_target_is_kept_as_it_is() {
    let mut target = target();
    target.retry.schedule = Some(vec![Duration::from_secs(5), Duration::from_mins(5)]);
    target.want(Wanted { sources: vec!["a".into()], ..Wanted::default() }, Timestamp::UNIX_EPOCH);
    let item: serde_dynamo::Item = serde_dynamo::to_item(&target).unwrap();
    assert_eq!(serde_dynamo::from_item::<_, Target>(item).unwrap(), target);
}

#[test]
fn a_secret_is_not_printed() {
    assert!(!format!("{:?}", target()).contains("c2VjcmV0"));
}

fn some<T: std::fmt::Debug + Clone + 'static>(values: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(values)
}

prop_compose! {
    fn events()(
        (source, catalog) in some(&[("unleash-prod", "unleash"), ("mm", "migration-manager"), ("tidings", "tidings")]),
        scope in some(&[Scope::Lifecycle, Scope::Logging, Scope::Signal]),
        event_type in some(&["a", "b"]),
        level in some(&[None, Some(Level::Debug), Some(Level::Warn), Some(Level::Error)]),
        project in some(&[None, Some("web"), Some("app")]),
        environment in some(&[None, Some("production"), Some("staging")]),
    ) -> Event {
        // Log lines alone have a level.
        let mut event = event(scope, event_type, level.filter(|_| scope == Scope::Logging));
        (event.source, event.catalog) = (source.to_owned(), catalog.to_owned());
        event.fields.project = project.map(str::to_owned);
        event.fields.environment = environment.map(str::to_owned);
        event
    }
}

prop_compose! {
    fn wanted()(
        level in some(&[Level::Debug, Level::Info, Level::Warn, Level::Error]),
        scopes in prop::sample::subsequence(vec![Scope::Lifecycle, Scope::Logging, Scope::Signal], 1..=3),
        sources in prop::sample::subsequence(vec!["unleash-prod", "mm", "tidings"], 0..=3),
        events in prop::sample::subsequence(vec!["a", "b"], 0..=2),
        projects in prop::sample::subsequence(vec!["web", "app"], 0..=2),
        environments in prop::sample::subsequence(vec!["production", "staging"], 0..=2),
        include_unscoped in any::<bool>(),
    ) -> Wanted {
        let owned = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect();
        let (sources, events) = (owned(sources), owned(events));
        let (projects, environments) = (owned(projects), owned(environments));
        Wanted { level, scopes, sources, events, projects, environments, include_unscoped }
    }
}

proptest! {
    /// What a preview counts and a replay sends is what fanout would have.
    #[test]
    fn a_search_for_what_is_wanted_finds_what_passes(wanted in wanted(), event in events()) {
        let filter = Filter { conditions: wanted.conditions(), ..Filter::default() };
        let passes = wanted.passes(&event).is_ok();
        let row = Row::new(event, None);
        let (head, _) = Head::new(std::slice::from_ref(&row));
        let found = head.select(&filter, (0, EventId::MAX.as_u64()), 0);
        prop_assert_eq!(!found.is_empty(), passes);
    }
}
