//! The plan of each kind of search.

use proptest::prelude::*;

use super::*;

const LOG: LogFacts = LogFacts { shards: 4, now: Timestamp::UNIX_EPOCH, max_units: 5000.0 };

fn filter(conditions: &[(Field, usize)]) -> SearchFilter {
    conditions.iter().fold(SearchFilter::default(), |filter, (field, count)| {
        filter.and(*field, (0..*count).map(|n| n.to_string()).collect())
    })
}

fn alternatives(filter: SearchFilter) -> SearchFilter {
    let any = ["a", "b"].map(|value| SearchFilter::default().and(Field::Type, vec![value.to_owned()]).conditions);
    SearchFilter { any: any.to_vec(), ..filter }
}

fn text(filter: SearchFilter) -> SearchFilter {
    SearchFilter { text: Some(model::TextQuery::part("text")), ..filter }
}

fn request(filter: SearchFilter, limit: usize) -> SearchRequest {
    SearchRequest { filter, limit, ..SearchRequest::default() }
}

fn plan(search: &SearchRequest, are_headers_cached: bool) -> SearchPlan {
    SearchPlan::for_page(search, LOG, |_| are_headers_cached)
}

/// Describes a plan: what each attempt reads, and the limits that differ between plans.
fn describe(plan: &SearchPlan) -> String {
    let segments = |plan: &SegmentPlan| {
        let matching = if plan.matching.is_some() { " filtered" } else { "" };
        let subject = if plan.subject_index.is_some() { " by_subject" } else { "" };
        format!("segments{matching}{subject} late={}", plan.max_late_units)
    };
    let index = |plan: &IndexPlan| {
        let name = plan.query.index.unwrap_or("log");
        let queries = plan.query.partitions.len() + plan.query.links.len();
        let sparse = if plan.max_examined_per_match.is_some() { " sparse" } else { "" };
        let count = if plan.count.is_some() { " count" } else { "" };
        format!("{name} {queries}x{} max={}{sparse}{count}", plan.query.page, plan.max_examined)
    };
    let steps = [plan.segments.as_ref().map(segments), plan.index.as_ref().map(index), Some(segments(&plan.fallback))];
    steps.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[test]
fn each_filter_cache_and_limit_has_its_plan() {
    use Field::{Actor, Entity, Environment, Feature, Project, Source, Subject, Type};
    // Filter, page size, whether the headers are cached, and the plan.
    let table = [
        // The log itself.
        (filter(&[]), 50, false, "log 4x20 max=2200, segments late=4000"),
        (filter(&[]), 50, true, "log 4x20 max=2200, segments late=4000"),
        (filter(&[]), 249, true, "log 4x70 max=2996, segments late=4000"),
        (filter(&[]), 250, false, "segments late=100, log 4x70 max=3000, segments late=4000"),
        (filter(&[(Source, 1)]), 50, true, "log 4x250 max=2200, segments filtered late=4000"),
        (
            filter(&[(Source, 1)]),
            1000,
            false,
            "segments filtered late=100, log 4x258 max=6000, segments filtered late=4000",
        ),
        // One index, the most selective first.
        (filter(&[(Type, 1)]), 50, false, "by_type 4x20 max=2200, segments filtered late=4000"),
        (filter(&[(Type, 1)]), 50, true, "by_type 4x20 max=2200, segments filtered late=4000"),
        (filter(&[(Type, 1)]), 250, false, "by_type 4x70 max=3000, segments filtered late=4000"),
        (
            filter(&[(Type, 1)]),
            250,
            true,
            "segments filtered late=100, by_type 4x70 max=3000, segments filtered late=4000",
        ),
        (filter(&[(Type, 1), (Project, 1)]), 50, false, "by_project 4x250 max=2200, segments filtered late=4000"),
        (
            filter(&[(Type, 1), (Project, 1)]),
            50,
            true,
            "segments filtered late=100, by_project 4x250 max=2200, segments filtered late=4000",
        ),
        (filter(&[(Actor, 1), (Project, 1)]), 50, false, "by_actor 4x250 max=2200, segments filtered late=4000"),
        (
            filter(&[(Subject, 1), (Actor, 1)]),
            50,
            false,
            "by_subject 4x250 max=2200, segments filtered by_subject late=4000",
        ),
        (filter(&[(Subject, 1)]), 50, false, "by_subject 4x20 max=2200, segments filtered by_subject late=4000"),
        // Several values, and too many of them.
        (filter(&[(Type, 20)]), 50, false, "by_type 80x8 max=2200, segments filtered late=4000"),
        (filter(&[(Type, 21)]), 50, false, "log 4x250 max=2200, segments filtered late=4000"),
        (filter(&[(Subject, 21), (Type, 1)]), 50, false, "by_type 4x250 max=2200, segments filtered late=4000"),
        (filter(&[(Type, 200)]), 50, true, "segments late=4000"),
        // Entities have links, which cannot be filtered.
        (filter(&[(Entity, 1)]), 50, false, "by_subject 8x14 max=2200, segments filtered late=4000"),
        (filter(&[(Entity, 1), (Environment, 1)]), 50, false, "segments filtered late=4000"),
        (filter(&[(Entity, 1), (Type, 1)]), 50, false, "by_type 4x250 max=2200, segments filtered late=4000"),
        // Alternatives stop an index search in which few events match.
        (alternatives(filter(&[])), 50, false, "log 4x250 max=2200 sparse, segments filtered late=4000"),
        (
            alternatives(filter(&[(Project, 1)])),
            50,
            true,
            "segments filtered late=100, by_project 4x250 max=2200 sparse, segments filtered late=4000",
        ),
        // Payloads decide.
        (text(filter(&[])), 50, false, "segments late=4000"),
        (text(filter(&[(Type, 1)])), 1000, true, "segments late=4000"),
        (filter(&[(Feature, 1)]), 50, false, "segments by_subject late=4000"),
    ];
    for (filter, limit, are_headers_cached, expected) in table {
        let search = request(filter, limit);
        assert_eq!(
            describe(&plan(&search, are_headers_cached)),
            expected,
            "{:?}, {limit} events, cached: {are_headers_cached}",
            search.filter
        );
    }
}

#[test]
fn a_total_is_counted_in_segments_and_may_read_all_late_events() {
    let search = |limit| SearchRequest { total: true, ..request(filter(&[(Field::Type, 1)]), limit) };
    assert_eq!(describe(&plan(&search(50), false)), "by_type 4x20 max=2200 count, segments filtered late=4000");
    assert_eq!(
        describe(&plan(&search(250), true)),
        "segments filtered late=4000, by_type 4x70 max=3000 count, segments filtered late=4000"
    );
    // The page is searched first, and the ids of previous pages last.
    let later = SearchRequest { after: events::EventId::from_u64(100), ..search(50) };
    let fallback = plan(&later, false).fallback;
    assert_eq!((fallback.first, fallback.ids), ((0, 99), (0, events::EventId::MAX.as_u64())));
}

#[test]
fn budgets_are_shares_of_the_units_of_a_search() {
    let type_filter = filter(&[(Field::Type, 1)]);
    let plan = plan(&request(type_filter.clone(), 50), false);
    let index = plan.index.unwrap();
    let units = |plan: &SegmentPlan| (plan.max_units, plan.max_late_units);
    assert!((index.max_units - 1250.0).abs() < f64::EPSILON);
    assert_eq!(units(&plan.fallback), (4000.0, 4000.0));
    assert_eq!(units(&SegmentPlan::for_counts(&type_filter, None, LOG)), (5000.0, 5000.0));
    assert_eq!(units(&SegmentPlan::for_unpaged(&type_filter, None, LOG)), (20_000.0, 20_000.0));
}

#[test]
fn a_search_that_cannot_match_reads_no_ids_and_asks_no_cache() {
    let until = Some("1999-01-01T00:00:00Z".parse().unwrap());
    let search = request(SearchFilter { until, ..filter(&[(Field::Type, 1)]) }, 250);
    let plan = SearchPlan::for_page(&search, LOG, |ids| panic!("{ids:?}"));
    let index = plan.index.unwrap();
    assert!(index.query.range.is_empty());
    assert_eq!((plan.fallback.first, plan.fallback.ids), (EMPTY_ID_RANGE, EMPTY_ID_RANGE));
}

proptest! {
    #[test]
    fn an_index_search_follows_a_segment_search_that_may_give_up(
        fields in prop::collection::vec(0_usize..6, 0..3), values in 1_usize..120, limit in 1_usize..2000,
        (cached, total, ascending, with_any, with_text) in any::<(bool, bool, bool, bool, bool)>(),
    ) {
        use Field::{Actor, Entity, Feature, Source, Subject, Type};
        let names = [Subject, Actor, Type, Entity, Source, Feature];
        let mut filter = filter(&fields.iter().map(|at| (names[*at], values)).collect::<Vec<_>>());
        filter = if with_any { alternatives(filter) } else { filter };
        filter = if with_text { text(filter) } else { filter };
        let search = SearchRequest { ascending, total, ..request(filter, limit) };
        let plan = plan(&search, cached);
        let is_exact = FilterExpression::exact(&search.filter, LOG.now).is_some();
        prop_assert!(plan.index.is_some() || !is_exact || fields.contains(&3), "only entities have links");
        prop_assert!(plan.index.is_some() || plan.segments.is_none(), "the fallback runs immediately");
        if let Some(index) = plan.index {
            prop_assert!(!with_text && index.query.filter.is_some());
            prop_assert_eq!(index.query.ascending, ascending);
            prop_assert_eq!(index.count.is_some(), total);
        }
        prop_assert_eq!(plan.fallback.ascending, ascending);
    }
}
