use super::*;

const QUEUE: &str = "work";
const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(30);

fn open_db() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    db
}

fn new_message(body: &str) -> NewMessage {
    NewMessage { body: body.to_owned(), ..NewMessage::default() }
}

fn group_messages(group: &str, count: usize) -> Vec<NewMessage> {
    vec![NewMessage { body: String::new(), group: Some(group.to_owned()), delay: Duration::ZERO }; count]
}

fn receive_at(db: &mut Connection, max: usize, now: i64) -> Vec<Message> {
    receive(db, QUEUE, None, max, VISIBILITY_TIMEOUT, now).unwrap().0
}

#[test]
fn received_message_is_invisible_until_its_timeout() {
    let mut db = open_db();
    send(&mut db, QUEUE, &[new_message("a")], 0).unwrap();
    assert_eq!(receive_at(&mut db, 10, 0)[0].receives(), 1);
    assert_eq!(receive_at(&mut db, 10, 29_999), []);
    assert_eq!(next_due(&db, QUEUE).unwrap(), Some(30_000));
    let again = receive_at(&mut db, 10, 30_000);
    assert_eq!((again[0].receives(), again[0].sent_at, again[0].first_received_at), (2, 0, 0));
}

#[test]
fn messages_are_received_in_the_order_of_sending() {
    let mut db = open_db();
    send(&mut db, QUEUE, &["a", "b", "c"].map(new_message), 0).unwrap();
    let bodies: Vec<String> = receive_at(&mut db, 10, 0).into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["a", "b", "c"]);
}

#[test]
fn delayed_message_is_invisible_until_its_delay_has_passed() {
    let mut db = open_db();
    let delayed = NewMessage { delay: Duration::from_secs(5), ..new_message("later") };
    send(&mut db, QUEUE, &[delayed], 0).unwrap();
    assert_eq!(count_messages(&db, QUEUE, 0).unwrap(), MessageCounts { delayed: 1, ..MessageCounts::default() });
    assert_eq!(receive_at(&mut db, 1, 4_999), []);
    assert_eq!(receive_at(&mut db, 1, 5_000).len(), 1);
}

#[test]
fn stale_receipt_has_no_effect() {
    let mut db = open_db();
    send(&mut db, QUEUE, &[new_message("a")], 0).unwrap();
    let stale = receive_at(&mut db, 1, 0)[0].receipt;
    let current = receive_at(&mut db, 1, 40_000)[0].receipt;
    delete(&mut db, QUEUE, &[stale]).unwrap();
    assert_eq!(count_messages(&db, QUEUE, 40_000).unwrap().in_flight, 1);
    assert_eq!(
        set_visibility_timeout(&mut db, QUEUE, stale, VISIBILITY_TIMEOUT, 40_000).unwrap(),
        VisibilityOutcome::Unknown
    );
    delete(&mut db, "another queue", &[current]).unwrap();
    delete(&mut db, QUEUE, &[current]).unwrap();
    assert_eq!(count_messages(&db, QUEUE, 40_000).unwrap(), MessageCounts::default());
    assert_eq!(
        set_visibility_timeout(&mut db, QUEUE, current, VISIBILITY_TIMEOUT, 40_000).unwrap(),
        VisibilityOutcome::Unknown
    );
}

#[test]
fn visibility_of_in_flight_messages_can_be_changed() {
    let mut db = open_db();
    send(&mut db, QUEUE, &[new_message("a")], 0).unwrap();
    let receipt = receive_at(&mut db, 1, 0)[0].receipt;
    let mut change =
        |seconds, now| set_visibility_timeout(&mut db, QUEUE, receipt, Duration::from_secs(seconds), now).unwrap();
    assert_eq!(change(100, 1_000), VisibilityOutcome::Changed);
    assert_eq!(change(0, 100_999), VisibilityOutcome::Changed);
    assert_eq!(change(5, 100_999), VisibilityOutcome::NotInFlight);
    assert_eq!(receive_at(&mut db, 1, 100_999).len(), 1);
}

#[test]
fn messages_received_too_often_become_dead_letters() {
    let mut db = open_db();
    let redrive = RedrivePolicy { dead_letter_queue: "dead".to_owned(), max_receives: 2 };
    send(&mut db, QUEUE, &[new_message("poison"), new_message("good")], 0).unwrap();
    for now in [0, 1] {
        let (messages, moved) = receive(&mut db, QUEUE, Some(&redrive), 1, Duration::ZERO, now).unwrap();
        assert_eq!((messages.len(), moved), (1, false));
        assert_eq!(messages[0].body, "poison");
        // Puts it before the other message again.
        db.execute("UPDATE messages SET visible_at = -1 WHERE body = 'poison'", []).unwrap();
    }
    let (messages, moved) = receive(&mut db, QUEUE, Some(&redrive), 1, VISIBILITY_TIMEOUT, 2).unwrap();
    assert_eq!((messages[0].body.as_str(), moved), ("good", true));
    let (dead, _) = receive(&mut db, "dead", None, 1, VISIBILITY_TIMEOUT, 2).unwrap();
    assert_eq!((dead[0].body.as_str(), dead[0].receives()), ("poison", 3));
}

#[test]
fn group_with_a_backlog_does_not_delay_the_others() {
    let mut db = open_db();
    send(&mut db, QUEUE, &group_messages("noisy", 100), 0).unwrap();
    assert_eq!(receive_at(&mut db, 10, 0).len(), 10);
    send(&mut db, QUEUE, &group_messages("quiet", 2), 1).unwrap();
    send(&mut db, QUEUE, &group_messages("calm", 2), 1).unwrap();
    let groups: Vec<_> = receive_at(&mut db, 6, 1).into_iter().map(|message| message.group.unwrap()).collect();
    assert_eq!(&groups[4..], ["noisy", "noisy"]);
    assert_eq!(groups[..4].iter().filter(|group| *group == "quiet").count(), 2);
}

#[test]
fn among_equal_groups_the_one_that_waited_longest_is_next() {
    let mut db = open_db();
    send(&mut db, QUEUE, &group_messages("b", 1), 0).unwrap();
    send(&mut db, QUEUE, &group_messages("a", 1), 1).unwrap();
    assert_eq!(receive_at(&mut db, 1, 2)[0].group.as_deref(), Some("b"));
}
