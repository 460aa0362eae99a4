use super::*;

const QUEUE: &str = "work";
const HIDDEN: Duration = Duration::from_secs(30);

fn db() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    db
}

fn outgoing(body: &str) -> Outgoing {
    Outgoing { body: body.to_owned(), ..Outgoing::default() }
}

fn grouped(group: &str, count: usize) -> Vec<Outgoing> {
    vec![Outgoing { body: String::new(), group: Some(group.to_owned()), delay: Duration::ZERO }; count]
}

fn take_at(db: &mut Connection, max: usize, now: i64) -> Vec<Message> {
    receive(db, QUEUE, None, max, HIDDEN, now).unwrap().0
}

#[test]
fn a_received_message_is_invisible_until_its_time_is_up() {
    let mut db = db();
    send(&mut db, QUEUE, &[outgoing("a")], 0).unwrap();
    assert_eq!(take_at(&mut db, 10, 0)[0].receives(), 1);
    assert_eq!(take_at(&mut db, 10, 29_999), []);
    assert_eq!(next_due(&db, QUEUE).unwrap(), Some(30_000));
    let again = take_at(&mut db, 10, 30_000);
    assert_eq!((again[0].receives(), again[0].sent_at, again[0].first_received_at), (2, 0, 0));
}

#[test]
fn messages_come_in_the_order_sent() {
    let mut db = db();
    send(&mut db, QUEUE, &["a", "b", "c"].map(outgoing), 0).unwrap();
    let bodies: Vec<String> = take_at(&mut db, 10, 0).into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["a", "b", "c"]);
}

#[test]
fn a_delayed_message_waits() {
    let mut db = db();
    let delayed = Outgoing { delay: Duration::from_secs(5), ..outgoing("later") };
    send(&mut db, QUEUE, &[delayed], 0).unwrap();
    assert_eq!(counts(&db, QUEUE, 0).unwrap(), Counts { delayed: 1, ..Counts::default() });
    assert_eq!(take_at(&mut db, 1, 4_999), []);
    assert_eq!(take_at(&mut db, 1, 5_000).len(), 1);
}

#[test]
fn a_stale_receipt_deletes_and_changes_nothing() {
    let mut db = db();
    send(&mut db, QUEUE, &[outgoing("a")], 0).unwrap();
    let stale = take_at(&mut db, 1, 0)[0].receipt;
    let current = take_at(&mut db, 1, 40_000)[0].receipt;
    delete(&mut db, QUEUE, &[stale]).unwrap();
    assert_eq!(counts(&db, QUEUE, 40_000).unwrap().in_flight, 1);
    assert_eq!(set_visibility(&mut db, QUEUE, stale, HIDDEN, 40_000).unwrap(), Visibility::Unknown);
    delete(&mut db, "another queue", &[current]).unwrap();
    delete(&mut db, QUEUE, &[current]).unwrap();
    assert_eq!(counts(&db, QUEUE, 40_000).unwrap(), Counts::default());
    assert_eq!(set_visibility(&mut db, QUEUE, current, HIDDEN, 40_000).unwrap(), Visibility::Unknown);
}

#[test]
fn visibility_can_be_changed_while_in_flight() {
    let mut db = db();
    send(&mut db, QUEUE, &[outgoing("a")], 0).unwrap();
    let receipt = take_at(&mut db, 1, 0)[0].receipt;
    let mut change = |seconds, now| set_visibility(&mut db, QUEUE, receipt, Duration::from_secs(seconds), now).unwrap();
    assert_eq!(change(100, 1_000), Visibility::Changed);
    assert_eq!(change(0, 100_999), Visibility::Changed);
    assert_eq!(change(5, 100_999), Visibility::NotInFlight);
    assert_eq!(take_at(&mut db, 1, 100_999).len(), 1);
}

#[test]
fn what_was_received_too_often_goes_to_the_dead_letters() {
    let mut db = db();
    let redrive = Redrive { dead_letters: "dead".to_owned(), max_receives: 2 };
    send(&mut db, QUEUE, &[outgoing("poison"), outgoing("good")], 0).unwrap();
    for now in [0, 1] {
        let (messages, moved) = receive(&mut db, QUEUE, Some(&redrive), 1, Duration::ZERO, now).unwrap();
        assert_eq!((messages.len(), moved), (1, false));
        assert_eq!(messages[0].body, "poison");
        // In front of the other message again.
        db.execute("UPDATE messages SET visible_at = -1 WHERE body = 'poison'", []).unwrap();
    }
    let (messages, moved) = receive(&mut db, QUEUE, Some(&redrive), 1, HIDDEN, 2).unwrap();
    assert_eq!((messages[0].body.as_str(), moved), ("good", true));
    let (dead, _) = receive(&mut db, "dead", None, 1, HIDDEN, 2).unwrap();
    assert_eq!((dead[0].body.as_str(), dead[0].receives()), ("poison", 3));
}

#[test]
fn a_group_with_a_backlog_does_not_delay_the_others() {
    let mut db = db();
    send(&mut db, QUEUE, &grouped("noisy", 100), 0).unwrap();
    assert_eq!(take_at(&mut db, 10, 0).len(), 10);
    send(&mut db, QUEUE, &grouped("quiet", 2), 1).unwrap();
    send(&mut db, QUEUE, &grouped("calm", 2), 1).unwrap();
    let groups: Vec<_> = take_at(&mut db, 6, 1).into_iter().map(|message| message.group.unwrap()).collect();
    assert_eq!(&groups[4..], ["noisy", "noisy"]);
    assert_eq!(groups[..4].iter().filter(|group| *group == "quiet").count(), 2);
}

#[test]
fn among_equals_the_group_that_has_waited_longest_is_next() {
    let mut db = db();
    send(&mut db, QUEUE, &grouped("b", 1), 0).unwrap();
    send(&mut db, QUEUE, &grouped("a", 1), 1).unwrap();
    assert_eq!(take_at(&mut db, 1, 2)[0].group.as_deref(), Some("b"));
}

#[test]
fn a_handle_is_read_back() {
    let receipt = Receipt { number: 17, receives: 3 };
    assert_eq!(Receipt::parse(&receipt.handle()), Some(receipt));
    for handle in ["", "17", "17.", ".3", "17.-1", "seventeen.3"] {
        assert_eq!(Receipt::parse(handle), None, "{handle}");
    }
}
