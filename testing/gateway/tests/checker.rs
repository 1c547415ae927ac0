//! The judge finds what is planted in a history, and nothing in one that is as it should be.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use gymhook_engine::store::State;
use gymhook_gateway_tests::check::{MAX_IN_FLIGHT, Totals, Violation, check};
use gymhook_gateway_tests::history::{Arrival, Event, History, Row, Sent};
use gymhook_gateway_tests::orders::Recipient;
use gymhook_gateway_tests::platforms::API;
use gymhook_gateway_tests::studios::{EventType, PUBLISHED};

const CHECK_IN: EventType = EventType { name: "GYM_CHECKIN", is_check_in: true };

fn sent(number: u64, is_forged: bool) -> Sent {
    Sent { number, platform: "egym", studio: "berlin", is_forged, tells_repeats: true, events: &[CHECK_IN] }
}

fn answered(number: u64, status: u16) -> Event {
    Event::Answered { number, status: Some(status), says_when: status == 503 }
}

fn arrived(number: u64, destination: Recipient, status: u16) -> Event {
    Event::Arrived(Arrival {
        destination,
        id: format!("{number}-{}", destination.name()),
        is_signed: true,
        number: Some(number),
        event_type: CHECK_IN.name.to_owned(),
        source: "/gymhook/egym/berlin".to_owned(),
        digest: number,
        status: Some(status),
    })
}

/// The event at this place of the history, which is an arrival.
fn arrival(history: &mut History, at: usize) -> &mut Arrival {
    match &mut history.events[at] {
        Event::Arrived(arrival) => arrival,
        other @ (Event::Asked { .. } | Event::Answered { .. } | Event::Killed) => panic!("{other:?}"),
    }
}

fn row(number: u64, destination: Option<Recipient>, sends: u32, lost: usize) -> Row {
    let id = destination.map_or_else(|| format!("{number}-in"), |to| format!("{number}-{}", to.name()));
    Row { destination, id, state: State::Delivered, number: Some(number), sends, taken: 1, lost }
}

const BOOKED: EventType = EventType { name: "class.booked", is_check_in: false };

const EVERYTHING: Recipient = Recipient::Everything;
const CHECK_INS: Recipient = Recipient::BerlinsCheckIns;

/// The good history, and request 4, which somebody publishes through the API: it arrives at the subscriber.
fn with_published() -> History {
    let mut history = good();
    let events = const { &[BOOKED] };
    history.sent.push(Sent { platform: API, studio: PUBLISHED, events, ..sent(4, false) });
    let Event::Arrived(arrived) = arrived(4, Recipient::Subscriber, 200) else { unreachable!() };
    let arrived = Arrival { event_type: BOOKED.name.to_owned(), source: String::new(), ..arrived };
    history.events.extend([Event::Asked { number: 4 }, answered(4, 202), Event::Arrived(arrived)]);
    history.rows.push(row(4, Some(Recipient::Subscriber), 1, 0));
    history
}

/// Request 1 arrives at both destinations, at one of them again after a failure, and at the other one again after a kill. Request 2
/// is forged; request 3 is not acknowledged, and the gateway does not have it.
fn good() -> History {
    History {
        sent: vec![sent(1, false), sent(2, true), sent(3, false)],
        events: vec![
            Event::Asked { number: 1 },
            answered(1, 503),
            Event::Asked { number: 1 },
            answered(1, 200),
            arrived(1, EVERYTHING, 500),
            arrived(1, CHECK_INS, 200),
            Event::Killed,
            arrived(1, EVERYTHING, 200),
            arrived(1, CHECK_INS, 200),
            Event::Asked { number: 2 },
            answered(2, 401),
            Event::Asked { number: 3 },
            Event::Answered { number: 3, status: None, says_when: false },
        ],
        rows: vec![row(1, None, 1, 0), row(1, Some(EVERYTHING), 2, 0), row(1, Some(CHECK_INS), 2, 1)],
    }
}

fn refused(change: impl FnOnce(&mut History), is_it: impl Fn(&Violation) -> bool) {
    let mut history = good();
    change(&mut history);
    let violations = check(&history).unwrap_err();
    assert!(violations.iter().any(is_it), "{violations:?}");
}

#[test]
fn a_history_as_it_should_be_is_counted() {
    let expected = Totals {
        kills: 1,
        acknowledged: 1,
        published: 0,
        repeated: 1,
        refused: 1,
        held_up: 1,
        wanted: 2,
        arrivals: 4,
        failed: 1,
        duplicates: 1,
    };
    assert_eq!(check(&good()), Ok(expected));
}

#[test]
fn an_event_that_one_destination_never_took_is_lost() {
    // It arrived, and was not taken; then, it did not even arrive.
    refused(
        |history| arrival(history, 7).status = Some(500),
        |found| *found == Violation::Lost { number: 1, event: "GYM_CHECKIN", destination: EVERYTHING },
    );
    refused(
        |history| {
            history
                .events
                .retain(|event| !matches!(event, Event::Arrived(it) if it.destination == CHECK_INS));
        },
        |found| *found == Violation::Lost { number: 1, event: "GYM_CHECKIN", destination: CHECK_INS },
    );
}

/// It has no item at a source, so nothing but its arrival proves that it was kept.
#[test]
fn an_event_that_was_published_and_did_not_arrive_is_lost() {
    let totals = check(&with_published()).unwrap();
    assert_eq!((totals.published, totals.acknowledged, totals.wanted), (1, 2, 3));

    let lost = Violation::Lost { number: 4, event: BOOKED.name, destination: Recipient::Subscriber };
    let mut history = with_published();
    history.events.pop();
    history.rows.pop();
    assert_eq!(check(&history), Err(vec![lost.clone()]));
    let mut history = with_published();
    let last = history.events.len() - 1;
    arrival(&mut history, last).status = Some(500);
    history.rows.last_mut().unwrap().taken = 0;
    assert_eq!(check(&history), Err(vec![lost]));

    // It is no destination's: those get what platforms send.
    let mut history = with_published();
    arrival(&mut history, last).destination = EVERYTHING;
    let violations = check(&history).unwrap_err();
    assert!(violations.iter().any(|found| matches!(found, Violation::NotWanted { .. })), "{violations:?}");
}

/// A relay that records an item as handled before its follow-ups are written leaves this behind, if it is killed in between.
#[test]
fn an_item_that_was_handled_and_not_passed_on_is_lost() {
    refused(
        |history| {
            history.events.retain(|event| !matches!(event, Event::Arrived(_)));
            history.rows.retain(|row| row.destination.is_none());
        },
        |found| matches!(found, Violation::Lost { number: 1, .. }),
    );
}

/// A source that acknowledges before its inbox has committed leaves this behind.
#[test]
fn a_request_that_was_acknowledged_and_is_not_in_the_log_is_noticed() {
    refused(
        |history| history.events.push(answered(3, 200)),
        |found| *found == Violation::NotLogged { number: 3 },
    );
}

#[test]
fn what_is_forged_neither_is_acknowledged_nor_arrives() {
    refused(
        |history| history.events[10] = answered(2, 200),
        |found| *found == Violation::ForgedAcknowledged { number: 2 },
    );
    refused(
        |history| history.events.push(arrived(2, EVERYTHING, 200)),
        |found| matches!(found, Violation::ForgedPassedOn { number: 2, .. }),
    );
    refused(
        |history| history.rows.push(row(2, None, 1, 0)),
        |found| matches!(found, Violation::ForgedPassedOn { number: 2, .. }),
    );
}

#[test]
fn what_nobody_sent_or_nobody_wants_does_not_arrive() {
    refused(
        |history| arrival(history, 5).number = Some(9),
        |found| matches!(found, Violation::Invented { .. }),
    );
    refused(
        |history| history.sent[0].studio = "hamburg",
        |found| matches!(found, Violation::NotWanted { destination: CHECK_INS, .. }),
    );
    refused(
        |history| arrival(history, 5).event_type = "GYM_CHECKOUT".to_owned(),
        |found| matches!(found, Violation::NotWanted { .. }),
    );
}

#[test]
fn a_proof_that_is_not_passed_on_is_noticed() {
    refused(
        |history| arrival(history, 5).is_signed = false,
        |found| matches!(found, Violation::NotSigned { .. }),
    );
    refused(
        |history| arrival(history, 5).source = "/gymhook/egym/hamburg".to_owned(),
        |found| matches!(found, Violation::WrongSource { .. }),
    );
}

#[test]
fn an_event_under_two_ids_is_doubled() {
    let twice = |history: &mut History| {
        let mut second = arrival(history, 5).clone();
        second.id = "another".to_owned();
        history.events.push(Event::Arrived(second));
        history.rows.push(Row { id: "another".to_owned(), ..row(1, Some(CHECK_INS), 1, 0) });
    };
    refused(twice, |found| matches!(found, Violation::Doubled { ids: 2, allowed: 1, .. }));
    // Where nobody can tell a repeat from another request, each time that it was sent may be one of its own; it was sent twice.
    let mut untold = good();
    untold.sent[0].tells_repeats = false;
    twice(&mut untold);
    let _totals = check(&untold).unwrap();
}

#[test]
fn what_was_taken_arrives_again_only_after_a_kill_and_as_it_was() {
    let without_cause = |found: &Violation| matches!(found, Violation::DuplicateWithoutCause { .. });
    refused(|history| history.events.retain(|event| *event != Event::Killed), without_cause);
    refused(
        |history| {
            history.events.remove(6);
            history.events.insert(0, Event::Killed);
        },
        without_cause,
    );
    refused(|history| arrival(history, 8).digest = 7, |found| matches!(found, Violation::Changed { .. }));
}

#[test]
fn more_duplicates_than_were_under_way_are_noticed() {
    refused(
        |history| {
            for number in 10..=10 + MAX_IN_FLIGHT {
                history.sent.push(sent(number, false));
                history.events.insert(0, arrived(number, EVERYTHING, 200));
                history.events.push(arrived(number, EVERYTHING, 200));
                history.rows.push(row(number, Some(EVERYTHING), 2, 1));
            }
        },
        |found| matches!(found, Violation::TooManyDuplicates { .. }),
    );
}

#[test]
fn a_log_that_says_something_else_is_noticed() {
    let wrong = |found: &Violation| matches!(found, Violation::LogWrong { .. });
    // It counts fewer requests; has a success that nobody gave; knows nothing of one that it heard of.
    refused(|history| history.rows[1].sends = 1, wrong);
    refused(|history| history.rows[1].taken = 2, wrong);
    refused(|history| history.rows[2].lost = 0, wrong);
    refused(
        |history| {
            history.rows.remove(2);
        },
        |found| matches!(found, Violation::ArrivedUnlogged { .. }),
    );
    refused(
        |history| history.rows[0].state = State::Waiting,
        |found| matches!(found, Violation::NotDelivered { state: State::Waiting, .. }),
    );
}

#[test]
fn an_answer_that_no_platform_expects_is_noticed() {
    refused(
        |history| history.events[1] = answered(1, 500),
        |found| matches!(found, Violation::StrangeAnswer { status: 500, .. }),
    );
    refused(
        |history| history.events[1] = Event::Answered { number: 1, status: Some(503), says_when: false },
        |found| *found == Violation::SaysNotWhen { number: 1 },
    );
}
