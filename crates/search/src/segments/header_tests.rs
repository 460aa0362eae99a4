use model::JsonNotation;
use proptest::prelude::*;

use super::*;
use crate::segments::columns::MAX_PAYLOAD;
use crate::segments::row::RowExtras;

fn row(id: u64, subject: Option<&str>, entities: &[&str], payload: &str) -> Row {
    let mut fields: [Option<String>; COLUMNS.len()] = Default::default();
    fields[5] = subject.map(str::to_owned);
    Row {
        id,
        time: start_of(id) + 7,
        expires: None,
        fields,
        entities: entities.iter().map(|entity| (*entity).to_owned()).collect(),
        number: id.is_multiple_of(2).then_some(id),
        size: payload.len(),
        payload: Some(payload.as_bytes().to_vec()).filter(|payload| payload.len() <= MAX_PAYLOAD),
        rest: RowExtras::default(),
    }
}

/// A segment as it is read again, with its text.
fn segment(rows: &[Row]) -> (SegmentHeader, Vec<u8>) {
    let (mut head, text) = SegmentHeader::new(rows);
    head.index(&text);
    (SegmentHeader::decode(&head.encode().unwrap()).unwrap(), text)
}

fn all(head: &SegmentHeader, filter: &SearchFilter) -> Vec<usize> {
    head.select(filter, (0, u64::MAX), 0)
}

#[test]
fn conditions_select_rows() {
    let rows = [row(10, Some("a"), &["a", "b"], "{}"), row(11, None, &[], "{}"), row(12, Some("b"), &["b"], "{}")];
    let (head, _) = segment(&rows);
    let by = |field, value: &str| all(&head, &SearchFilter::default().and(field, vec![value.to_owned()]));
    assert_eq!(by(Field::Subject, "b"), [2]);
    assert_eq!(by(Field::Entity, "b"), [0, 2]);
    assert_eq!(by(Field::Number, "12"), [2]);
    assert_eq!(by(Field::Subject, "c"), [0usize; 0]);
    let or_none = Condition { field: Field::Subject, values: vec!["b".to_owned()], or_none: true };
    assert_eq!(all(&head, &SearchFilter { conditions: vec![or_none], ..SearchFilter::default() }), [1, 2]);
    assert_eq!(head.hit(2), Hit { id: 12, time: start_of(12) + 7, number: Some(12) });
    assert_eq!(head.select(&SearchFilter::default(), (11, 11), 0), [1]);
}

#[test]
fn what_has_expired_is_left_out() {
    let rows = [Row { expires: Some(100), ..row(10, None, &[], "{}") }, row(11, None, &[], "{}")];
    let (head, _) = segment(&rows);
    assert_eq!(head.select(&SearchFilter::default(), (0, u64::MAX), 99), [0, 1]);
    assert_eq!(head.select(&SearchFilter::default(), (0, u64::MAX), 100), [1]);
    assert_eq!(head.expires(), None, "one of them never does");
}

#[test]
fn a_head_that_is_gone_has_no_events() {
    let head = SegmentHeader::default();
    for field in COLUMNS.into_iter().chain([Field::Entity, Field::Number]) {
        for or_none in [false, true] {
            let condition = Condition { field, values: vec!["a".to_owned()], or_none };
            assert!(all(&head, &SearchFilter { conditions: vec![condition], ..SearchFilter::default() }).is_empty());
        }
        head.count(field, &[], |_, _| panic!("a value"));
    }
}

#[test]
fn large_payloads_are_left_to_be_read() {
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(MAX_PAYLOAD));
    let rows = [row(10, None, &[], r#"{"a":1}"#), row(11, None, &[], &large), row(12, None, &[], r#"{"b":1}"#)];
    let (head, text) = segment(&rows);
    let wanted = TextQuery::part("\"B\"");
    assert!(head.may_have(&[1], &wanted));
    assert_eq!(head.find(&[0, 1, 2], &wanted, &text), (vec![2], vec![1]));
}

#[test]
fn a_pattern_is_found_where_its_characters_are_escaped() {
    let like = |pattern| TextQuery::like(pattern, &[("data", JsonNotation::Compact)]);
    let payloads = [r#"{"data":{"x":"\u0041lpha"}}"#, r#"{"data":{"x":"beta"}}"#, r#"{"data":{"x":"alpha \u0042"}}"#];
    let rows: Vec<Row> = (10..).zip(payloads).map(|(id, payload)| row(id, None, &[], payload)).collect();
    let (head, text) = segment(&rows);
    for (pattern, found) in [("alpha", vec![0, 2]), ("beta", vec![1]), ("b", vec![1, 2]), ("lpha", vec![0, 2])] {
        assert!(head.may_have(&[0, 1, 2], &like(pattern)), "{pattern}");
        assert_eq!(head.find(&[0, 1, 2], &like(pattern), &text).0, found, "{pattern}");
    }
    assert!(!head.may_have(&[0, 1, 2], &like("gamma")), "which nothing has, escaped or not");
}

proptest! {
    #[test]
    fn the_text_finds_what_each_payload_has(
        payloads in prop::collection::vec("[abAB\u{e9}\u{c9}]{0,8}", 1..30),
        part in "[abAB\u{e9}\u{c9}]{1,5}",
    ) {
        let rows: Vec<Row> = (0u64..).zip(&payloads).map(|(id, payload)| row(id, None, &[], payload)).collect();
        let (head, text) = segment(&rows);
        let wanted = TextQuery::part(&part);
        let every: Vec<usize> = (0..rows.len()).collect();
        let expected: Vec<usize> = every.iter().copied().filter(|row| wanted.matches(&payloads[*row])).collect();
        let found = if head.may_have(&every, &wanted) { head.find(&every, &wanted, &text).0 } else { Vec::new() };
        prop_assert_eq!(found, expected);
    }
}
