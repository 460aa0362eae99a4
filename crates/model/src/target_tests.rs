use events::{EventId, Fields, Level, Scope};

use super::*;

fn target() -> Target {
    let created_at = "2026-01-01T00:00:00Z".parse().unwrap();
    Target {
        name: "t".into(),
        description: None,
        address: "https://example.com".parse().unwrap(),
        filter: EventFilter::default(),
        filter_since: created_at,
        previous_filters: Vec::new(),
        retry: RetryPolicy { count: 3, timeout: Duration::from_secs(10), schedule: None },
        timeout: Duration::from_secs(10),
        disable_after: Duration::from_hours(120),
        content_type: "application/json".into(),
        body_template: None,
        username: None,
        headers: Vec::new(),
        has_password: false,
        has_authorization: false,
        ca_cert: None,
        secrets: SealedSecrets(b"c2VjcmV0".to_vec()),
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
        hops: 0,
        nudge: None,
        fields,
        payload: b"{}".to_vec(),
    }
}

#[track_caller]
fn mismatch(target: &Target, event: &Event) -> Option<&'static str> {
    target.accepts(event, "2027-01-01T00:00:00Z".parse().unwrap()).err().map(|mismatch| mismatch.filter)
}

#[test]
fn the_minimum_level_applies_to_log_lines_only() {
    let target = target();
    assert_eq!(mismatch(&target, &event(Scope::Logging, "logging", Some(Level::Info))), Some("level"));
    assert_eq!(mismatch(&target, &event(Scope::Logging, "logging", Some(Level::Warn))), None);
    assert_eq!(mismatch(&target, &event(Scope::Logging, "logging", None)), None);
    assert_eq!(mismatch(&target, &event(Scope::Lifecycle, "batch-started", Some(Level::Debug))), None);
}

#[test]
fn the_mismatching_filter_is_named() {
    let mut target = target();
    target.filter.scopes = vec![Scope::Lifecycle];
    target.filter.events = vec!["feature-created".into()];
    assert_eq!(mismatch(&target, &event(Scope::Logging, "logging", None)), Some("scopes"));
    assert_eq!(mismatch(&target, &event(Scope::Lifecycle, "feature-tagged", None)), Some("events"));
    let created = event(Scope::Lifecycle, "feature-created", None);
    assert_eq!(mismatch(&target, &created), None);
    target.filter.sources = vec!["unleash-test".into()];
    assert_eq!(mismatch(&target, &created), Some("sources"));
}

#[test]
fn events_without_a_project_pass_unless_unscoped_events_are_excluded() {
    let mut target = target();
    target.filter.projects = vec!["web".into()];
    target.filter.environments = vec!["production".into()];
    let mut event = event(Scope::Lifecycle, "feature-created", None);
    assert_eq!(mismatch(&target, &event), None);
    target.filter.include_unscoped = false;
    assert_eq!(mismatch(&target, &event), Some("projects"));
    event.fields.project = Some("web".into());
    assert_eq!(mismatch(&target, &event), Some("environments"));
    event.fields.environment = Some("staging".into());
    target.filter.include_unscoped = true;
    assert_eq!(mismatch(&target, &event), Some("environments"));
}

#[test]
fn tidings_events_require_their_source_in_the_filter() {
    let mut own = event(Scope::Lifecycle, "target-paused", None);
    (own.source, own.catalog) = ("tidings".into(), "tidings".into());
    let mut target = target();
    assert_eq!(mismatch(&target, &own), Some("sources"));
    target.filter.sources = vec!["tidings".into()];
    assert_eq!(mismatch(&target, &own), None);
}

#[test]
fn only_tidings_tests_targets() {
    let target = target();
    let mut test = event(Scope::Lifecycle, "target-tested", None);
    test.fields.subject = Some(target.name.clone());
    (test.source, test.catalog) = ("tidings".into(), "tidings".into());
    assert!(target.is_tested_by(&test));
    for (source, catalog) in [("ops", "tidings"), ("tidings", "signal"), ("ops", "signal")] {
        let forged = Event { source: source.into(), catalog: catalog.into(), ..test.clone() };
        assert!(!target.is_tested_by(&forged), "{source} {catalog}");
    }
    assert!(!target.is_tested_by(&Event { fields: event(Scope::Lifecycle, "target-tested", None).fields, ..test }));
}

#[test]
fn events_older_than_the_target_are_rejected() {
    let mut early = event(Scope::Lifecycle, "x", None);
    early.received_at = "2025-12-31T23:59:59Z".parse().unwrap();
    assert_eq!(mismatch(&target(), &early), Some("created_at"));
}

#[test]
fn a_clock_that_was_set_back_excludes_no_event() {
    let mut early = event(Scope::Lifecycle, "x", None);
    early.received_at = "2025-12-31T23:00:00Z".parse().unwrap();
    let accepts = |target: &Target, now: &str| target.accepts(&early, now.parse().unwrap()).is_ok();
    assert!(accepts(&target(), "2025-12-31T23:00:01Z"), "the clock was before the creation of the target");
    assert!(!accepts(&target(), "2025-12-31T23:59:59.5Z"), "the clocks of two processes differ by less than a second");
    let mut changed = target();
    changed.set_filter(
        EventFilter { scopes: vec![Scope::Logging], ..EventFilter::default() },
        "2026-01-01T01:00:00Z".parse().unwrap(),
    );
    assert!(!accepts(&changed, "2025-12-31T23:00:01Z"), "the current filter applies");
}

#[test]
fn events_that_were_forwarded_too_often_are_rejected() {
    let mut forwarded = event(Scope::Lifecycle, "x", None);
    forwarded.hops = MAX_HOPS - 1;
    assert_eq!(mismatch(&target(), &forwarded), None);
    forwarded.hops = MAX_HOPS;
    assert_eq!(mismatch(&target(), &forwarded), Some("hops"));
}

#[test]
fn the_filter_at_the_time_of_receipt_decides() {
    let mut target = target();
    let event = event(Scope::Lifecycle, "feature-created", None);
    let later = "2026-07-01T00:00:00Z".parse().unwrap();
    target.set_filter(EventFilter { scopes: vec![Scope::Logging], ..EventFilter::default() }, later);
    assert_eq!(mismatch(&target, &event), None, "the event was received before the change");
    let after = Event { received_at: later, ..event.clone() };
    assert_eq!(mismatch(&target, &after), Some("scopes"));
    for day in 1..=30 {
        let scopes = if day % 2 == 0 { vec![Scope::Logging] } else { vec![Scope::Lifecycle] };
        let at = later + jiff::SignedDuration::from_hours(24 * day);
        target.set_filter(EventFilter { scopes, ..EventFilter::default() }, at);
    }
    assert_eq!(mismatch(&target, &event), Some("unknown"));
}

#[test]
fn a_target_survives_a_round_trip_through_dynamodb() {
    let mut target = target();
    target.retry.schedule = Some(vec![Duration::from_secs(5), Duration::from_mins(5)]);
    target.set_filter(EventFilter { sources: vec!["a".into()], ..EventFilter::default() }, Timestamp::UNIX_EPOCH);
    let item: serde_dynamo::Item = serde_dynamo::to_item(&target).unwrap();
    assert_eq!(serde_dynamo::from_item::<_, Target>(item).unwrap(), target);
}

#[test]
fn secrets_are_not_printed() {
    assert!(!format!("{:?}", target()).contains("c2VjcmV0"));
}
