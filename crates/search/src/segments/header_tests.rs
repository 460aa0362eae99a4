use model::{JsonNotation, TextQuery};
use proptest::prelude::*;

use super::*;
use crate::segments::columns::MAX_PAYLOAD;
use crate::segments::row::RowExtras;

fn row(id: u64, subject: Option<&str>, entities: &[&str], payload: &str) -> Row {
    let mut fields: [Option<String>; COLUMNS.len()] = Default::default();
    fields[5] = subject.map(str::to_owned);
    Row {
        id,
        time: id_time_ns(id) + 7,
        expires: None,
        fields,
        entities: entities.iter().map(|entity| (*entity).to_owned()).collect(),
        number: id.is_multiple_of(2).then_some(id),
        size: payload.len(),
        payload: Some(payload.as_bytes().to_vec()).filter(|payload| payload.len() <= MAX_PAYLOAD),
        extras: RowExtras::default(),
    }
}

/// A header after a round trip through its stored form, with its text.
fn segment(rows: &[Row]) -> (SegmentHeader, Vec<u8>) {
    let (mut header, text) = SegmentHeader::new(rows);
    header.add_bloom(&text);
    (SegmentHeader::decode(&header.encode().unwrap()).unwrap(), text)
}

fn all(header: &SegmentHeader, filter: &SearchFilter) -> Vec<usize> {
    header.select(filter, (0, u64::MAX), 0)
}

#[test]
fn conditions_select_rows() {
    let rows = [row(10, Some("a"), &["a", "b"], "{}"), row(11, None, &[], "{}"), row(12, Some("b"), &["b"], "{}")];
    let (header, _) = segment(&rows);
    let by = |field, value: &str| all(&header, &SearchFilter::default().and(field, vec![value.to_owned()]));
    assert_eq!(by(Field::Subject, "b"), [2]);
    assert_eq!(by(Field::Entity, "b"), [0, 2]);
    assert_eq!(by(Field::Number, "12"), [2]);
    assert_eq!(by(Field::Subject, "c"), [0usize; 0]);
    let or_none = Condition { field: Field::Subject, values: vec!["b".to_owned()], or_none: true };
    assert_eq!(all(&header, &SearchFilter { conditions: vec![or_none], ..SearchFilter::default() }), [1, 2]);
    assert_eq!(header.hit(2), Hit { id: 12, time: id_time_ns(12) + 7, number: Some(12) });
    assert_eq!(header.select(&SearchFilter::default(), (11, 11), 0), [1]);
}

#[test]
fn expired_events_are_left_out() {
    let rows = [Row { expires: Some(100), ..row(10, None, &[], "{}") }, row(11, None, &[], "{}")];
    let (header, _) = segment(&rows);
    assert_eq!(header.select(&SearchFilter::default(), (0, u64::MAX), 99), [0, 1]);
    assert_eq!(header.select(&SearchFilter::default(), (0, u64::MAX), 100), [1]);
    assert_eq!(header.expires(), None, "one of the events never expires");
}

#[test]
fn the_header_of_an_expired_segment_has_no_events() {
    let header = SegmentHeader::default();
    for field in COLUMNS.into_iter().chain([Field::Entity, Field::Number]) {
        for or_none in [false, true] {
            let condition = Condition { field, values: vec!["a".to_owned()], or_none };
            assert!(all(&header, &SearchFilter { conditions: vec![condition], ..SearchFilter::default() }).is_empty());
        }
        header.count(field, &[], |_, _| panic!("unexpected value"));
    }
}

#[test]
fn large_payloads_are_returned_as_undecided() {
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(MAX_PAYLOAD));
    let rows = [row(10, None, &[], r#"{"a":1}"#), row(11, None, &[], &large), row(12, None, &[], r#"{"b":1}"#)];
    let (header, text) = segment(&rows);
    let wanted = TextQuery::part("\"B\"");
    assert!(header.may_contain(&[1], &wanted));
    assert_eq!(header.find(&[0, 1, 2], &wanted, &text), (vec![2], vec![1]));
}

#[test]
fn a_pattern_matches_escaped_characters() {
    let like = |pattern| TextQuery::like(pattern, &[("data", JsonNotation::Compact)]);
    let payloads = [r#"{"data":{"x":"\u0041lpha"}}"#, r#"{"data":{"x":"beta"}}"#, r#"{"data":{"x":"alpha \u0042"}}"#];
    let rows: Vec<Row> = (10..).zip(payloads).map(|(id, payload)| row(id, None, &[], payload)).collect();
    let (header, text) = segment(&rows);
    for (pattern, found) in [("alpha", vec![0, 2]), ("beta", vec![1]), ("b", vec![1, 2]), ("lpha", vec![0, 2])] {
        assert!(header.may_contain(&[0, 1, 2], &like(pattern)), "{pattern}");
        assert_eq!(header.find(&[0, 1, 2], &like(pattern), &text).0, found, "{pattern}");
    }
    assert!(!header.may_contain(&[0, 1, 2], &like("gamma")), "no payload contains it, escaped or not");
}

fn described_row(id: u64, payload: &str) -> Row {
    let mut fields: [Option<String>; COLUMNS.len()] = Default::default();
    fields[0] = Some("unleash-prod".to_owned());
    fields[1] = Some("unleash".to_owned());
    fields[2] = Some("lifecycle".to_owned());
    fields[3] = Some("feature-archived".to_owned());
    fields[4] = Some("Ada Müller".to_owned());
    fields[5] = Some("dark-mode".to_owned());
    Row { fields, ..row(id, None, &[], payload) }
}

/// The rows that a query finds, with and without a Bloom filter, and with the filter of an earlier version.
fn found_rows(rows: &[Row], query: &str) -> Vec<usize> {
    let query = TextQuery::words(query).unwrap();
    let every: Vec<usize> = (0..rows.len()).collect();
    let (header, text) = segment(rows);
    let found = header.find(&every, &query, &text).0;
    assert!(found.is_empty() || header.may_contain(&every, &query), "{query:?}");
    let (unfiltered, _) = SegmentHeader::new(rows);
    assert!(unfiltered.may_contain(&every, &query), "a block without a filter is searched");
    let earlier = SegmentHeader { bloom_version: 0, ..header };
    assert!(earlier.may_contain(&every, &query), "an earlier filter lacks what words are searched in");
    found
}

#[test]
fn words_are_found_in_payloads_descriptions_and_ids() {
    let rows = [
        row(10, None, &[], r#"{"text":"M\u00fcller: a \u003e b, \"q\""}"#),
        described_row(20, r#"{"featureName":"dark-mode","project":"web"}"#),
        row(30, None, &[], r#"{"text":"ΣΊΣΥΦΟΣ in der Straße"}"#),
    ];
    for (query, expected) in [
        ("müller", vec![0, 1]),
        ("MÜLLER \"a >\"", vec![0]),
        (r"m\u00fcller", vec![0]),
        ("\"a > b\"", vec![0]),
        ("\"q\"", vec![0]),
        ("archived", vec![1]),
        ("dark-mode archived müller", vec![1]),
        ("Σίσυφος STRASSE", vec![2]),
        ("20", vec![1]),
        ("msg_30_0a1b2c", vec![2]),
        ("in", vec![2]),
        ("zebra", vec![]),
        ("müller zebra", vec![]),
    ] {
        assert_eq!(found_rows(&rows, query), expected, "{query}");
    }
    let (header, _) = segment(&rows);
    for absent in ["zebra", "kangaroo archived", "revived kangaroo"] {
        assert!(!header.may_contain(&[0, 1, 2], &TextQuery::words(absent).unwrap()), "{absent}");
    }
}

#[test]
fn headers_of_earlier_versions_are_read() {
    let (header, _) = segment(&[row(10, Some("a"), &[], "{}")]);
    let stored = postcard::to_allocvec(&header).unwrap();
    let earlier = SegmentHeader::decode(&zstd::bulk::compress(&stored, 1).unwrap()).unwrap();
    assert_eq!((header.bloom_version, earlier.bloom_version), (WORD_BLOOM_VERSION, 0));
    assert_eq!(earlier.hit(0), header.hit(0));
}

proptest! {
    #[test]
    fn a_text_search_agrees_with_matching_each_payload(
        payloads in prop::collection::vec("[abAB\u{e9}\u{c9}]{0,8}", 1..30),
        part in "[abAB\u{e9}\u{c9}]{1,5}",
    ) {
        let rows: Vec<Row> = (0u64..).zip(&payloads).map(|(id, payload)| row(id, None, &[], payload)).collect();
        let (header, text) = segment(&rows);
        let wanted = TextQuery::part(&part);
        let every: Vec<usize> = (0..rows.len()).collect();
        let matches = |payload: &String| payload.to_lowercase().contains(&part.to_lowercase());
        let expected: Vec<usize> = every.iter().copied().filter(|row| matches(&payloads[*row])).collect();
        let found = if header.may_contain(&every, &wanted) { header.find(&every, &wanted, &text).0 } else { Vec::new() };
        prop_assert_eq!(found, expected);
    }
}
