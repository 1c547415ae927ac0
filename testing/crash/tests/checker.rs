//! The judge refuses every history in which a promise is broken, and names the promise.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

use gymhook_crash_tests::check::{Mismatch, Rules, Violation, check};
use gymhook_crash_tests::enqueued::Enqueued;
use gymhook_crash_tests::history::History;
use gymhook_crash_tests::rows::{Logged, Row};
use gymhook_crash_tests::total::Totals;
use gymhook_crash_tests::wire::{Event, Request};
use gymhook_delivery::Undeliverable;
use gymhook_engine::store::{AttemptOutcome, State};
use gymhook_retry::Fault;

const FIRST: u32 = 100;
const SECOND: u32 = 200;

const PLAIN: u32 = 0;
const ORDERED: u32 = 2;
const HOPELESS: u32 = 5;

fn request(pid: u32, delivery: u128, endpoint: u32, send: u32, status: Option<u16>) -> Event {
    Event::Request(Request { pid, delivery, endpoint, send, digest: digest(delivery), status })
}

fn digest(delivery: u128) -> u64 {
    u64::try_from(delivery).unwrap() + 1_000
}

fn logged(send: u32, outcome: AttemptOutcome, status: Option<u16>) -> Logged {
    Logged { send, round: 1, outcome, status }
}

fn delivered(delivery: u128, endpoint: u32, attempts: Vec<Logged>) -> Row {
    Row {
        delivery,
        endpoint,
        digest: Some(digest(delivery)),
        state: State::Delivered,
        reason: None,
        sends: u32::try_from(attempts.len()).unwrap(),
        attempts,
    }
}

/// 1 is delivered at once. 2 is taken, its process dies before that is on disk, and it is sent again. 3 and 4 go to an
/// ordered endpoint, 3 only at its second attempt. 5 is given up after three attempts. 6 waits. 7 was never acknowledged.
fn good() -> History {
    let endpoints = [PLAIN, PLAIN, ORDERED, ORDERED, HOPELESS, PLAIN, PLAIN];
    let enqueued = (1..).zip(endpoints).map(|(delivery, endpoint)| Enqueued {
        delivery,
        endpoint,
        digest: digest(delivery),
        is_held: delivery == 6,
        asked: 2 * usize::try_from(delivery).unwrap(),
        acknowledged: (delivery != 7).then_some(2 * usize::try_from(delivery).unwrap() + 1),
    });
    let wire = vec![
        request(FIRST, 1, PLAIN, 1, Some(200)),
        request(FIRST, 3, ORDERED, 1, Some(503)),
        request(FIRST, 2, PLAIN, 1, Some(200)),
        request(FIRST, 5, HOPELESS, 1, Some(500)),
        Event::Killed { pid: FIRST },
        request(SECOND, 2, PLAIN, 2, Some(200)),
        request(SECOND, 3, ORDERED, 2, Some(200)),
        request(SECOND, 4, ORDERED, 1, Some(200)),
        request(SECOND, 5, HOPELESS, 2, Some(500)),
        request(SECOND, 5, HOPELESS, 3, Some(500)),
    ];
    let answered = |send, status| logged(send, AttemptOutcome::Response, Some(status));
    let failed = (1..=3).map(|send| answered(send, 500)).collect();
    let given_up = Row {
        state: State::Undeliverable,
        reason: Some(Undeliverable::Exhausted),
        ..delivered(5, HOPELESS, failed)
    };
    let rows = vec![
        delivered(1, PLAIN, vec![answered(1, 200)]),
        delivered(2, PLAIN, vec![logged(1, AttemptOutcome::Lost, None), answered(2, 200)]),
        delivered(3, ORDERED, vec![answered(1, 503), answered(2, 200)]),
        delivered(4, ORDERED, vec![answered(1, 200)]),
        given_up,
        Row { state: State::Waiting, ..delivered(6, PLAIN, Vec::new()) },
    ];
    History { enqueued: enqueued.collect(), wire, rows }
}

fn judge(history: &History) -> Result<Totals, Vec<Violation>> {
    check(history, &Rules { max_in_flight: 2, threads: 1, is_drained: true })
}

/// The good history with one thing changed is refused, and for this reason.
fn refused(change: impl FnOnce(&mut History), reason: impl Fn(&Violation) -> bool) {
    let mut history = good();
    change(&mut history);
    let violations = judge(&history).expect_err("a broken promise is not noticed");
    assert!(violations.iter().any(reason), "{violations:?}");
}

/// The request at this place on the wire.
fn sent(history: &mut History, at: usize) -> &mut Request {
    match &mut history.wire[at] {
        Event::Request(request) => request,
        other => panic!("{other} is no request"),
    }
}

#[test]
fn a_good_history_is_counted() {
    let totals = judge(&good()).unwrap();
    let expected = Totals {
        kills: 1,
        outages: 0,
        acknowledged: 6,
        delivered: 4,
        undeliverable: 1,
        waiting: 1,
        requests: 9,
        duplicates: 1,
        allowance: 1,
        late: 0,
        delayed: 0,
    };
    assert_eq!(totals, expected);
}

#[test]
fn a_lost_delivery_is_noticed() {
    refused(|history| drop(history.rows.remove(5)), |found| *found == Violation::Lost { delivery: 6 });
    refused(
        |history| drop(history.rows.remove(0)),
        |found| *found == Violation::SentWithoutRow { delivery: 1 },
    );
    let never_taken = |history: &mut History| sent(history, 0).status = Some(500);
    refused(never_taken, |found| *found == Violation::Mismatch(Mismatch::NotDelivered { delivery: 1 }));
    refused(
        |history| history.rows[5].state = State::Quarantined,
        |found| matches!(found, Violation::StrangeState { delivery: 6, .. }),
    );
    refused(
        |history| history.rows[0].state = State::InFlight,
        |found| matches!(found, Violation::NotDrained { delivery: 1, .. }),
    );
}

#[test]
fn giving_up_without_reason_or_too_early_is_noticed() {
    let early = |found: &Violation| matches!(found, Violation::GivenUpTooEarly { delivery: 5, .. });
    refused(|history| history.rows[4].reason = None, early);
    refused(|history| history.rows[4].attempts.truncate(2), early);
}

#[test]
fn what_nobody_enqueued_is_noticed() {
    let invented = |found: &Violation| *found == Violation::Invented { delivery: 9 };
    refused(|history| history.wire.push(request(SECOND, 9, PLAIN, 1, Some(200))), invented);
    refused(|history| history.rows.push(delivered(9, PLAIN, Vec::new())), invented);
    refused(
        |history| history.wire.push(request(SECOND, 7, PLAIN, 1, Some(200))),
        |found| *found == Violation::SentWithoutRow { delivery: 7 },
    );
    refused(
        |history| history.wire.push(request(SECOND, 6, PLAIN, 1, Some(200))),
        |found| *found == Violation::SentTooEarly { delivery: 6 },
    );
}

#[test]
fn another_body_or_endpoint_is_noticed() {
    let body = |found: &Violation| *found == Violation::Mismatch(Mismatch::BodyChanged { delivery: 1 });
    refused(|history| sent(history, 0).digest += 1, body);
    refused(|history| history.rows[0].digest = None, body);
    let endpoint = |found: &Violation| {
        matches!(found, Violation::Mismatch(Mismatch::EndpointChanged { delivery: 1, .. }))
    };
    refused(|history| sent(history, 0).endpoint = 6, endpoint);
    refused(|history| history.rows[0].endpoint = 6, endpoint);
}

#[test]
fn a_number_that_comes_again_or_was_never_recorded_is_noticed() {
    refused(
        |history| sent(history, 5).send = 1,
        |found| {
            matches!(
                found,
                Violation::Mismatch(Mismatch::NumberNotRising { delivery: 2, send: 1, before: 1 })
            )
        },
    );
    refused(
        |history| history.rows[1].sends = 1,
        |found| {
            matches!(
                found,
                Violation::Mismatch(Mismatch::NotRecordedFirst { delivery: 2, send: 2, known: 1 })
            )
        },
    );
    refused(
        |history| {
            history.rows[2].attempts.remove(0);
        },
        |found| matches!(found, Violation::NotLogged { delivery: 3, send: 1 }),
    );
    refused(
        |history| history.rows[2].attempts[0].status = Some(200),
        |found| matches!(found, Violation::Mismatch(Mismatch::LogWrong { delivery: 3, send: 1, .. })),
    );
    refused(
        |history| history.rows[2].attempts[0].outcome = AttemptOutcome::Internal,
        |found| matches!(found, Violation::Mismatch(Mismatch::LogWrong { delivery: 3, send: 1, .. })),
    );
}

#[test]
fn a_swapped_order_is_noticed() {
    let swapped = |found: &Violation| {
        *found == Violation::Mismatch(Mismatch::OutOfOrder { endpoint: ORDERED, delivery: 3, later: 4 })
    };
    // The later one before the first request of the earlier one; then between its two requests.
    refused(
        |history| {
            let later = history.wire.remove(7);
            history.wire.insert(0, later);
        },
        swapped,
    );
    refused(|history| history.wire.swap(6, 7), swapped);
    // What was enqueued together, or never acknowledged, has no order among itself.
    let mut together = good();
    together.wire.swap(6, 7);
    together.enqueued[2].acknowledged = Some(9);
    let _totals = judge(&together).unwrap();
}

#[test]
fn a_duplicate_without_a_cause_is_noticed() {
    let without = |found: &Violation| matches!(found, Violation::DuplicateWithoutCause { delivery: 2, .. });
    // Nobody died; somebody else died; its process lived on after it.
    refused(|history| history.wire.retain(|event| *event != Event::Killed { pid: FIRST }), without);
    refused(|history| history.wire[4] = Event::Killed { pid: SECOND }, without);
    refused(|history| history.wire.push(request(FIRST, 1, PLAIN, 2, Some(200))), without);
    // Its success was on record.
    refused(
        |history| history.rows[1].attempts[0] = logged(1, AttemptOutcome::Response, Some(200)),
        |found| matches!(found, Violation::SentAfterSuccess { delivery: 2, send: 2, accepted: 1 }),
    );
}

#[test]
fn more_duplicates_than_were_under_way_are_noticed() {
    refused(
        |history| {
            for delivery in [11, 12] {
                let enqueued = Enqueued { delivery, digest: digest(delivery), ..history.enqueued[0] };
                history.enqueued.push(enqueued);
                history.wire.insert(0, request(FIRST, delivery, PLAIN, 1, Some(200)));
                history.wire.push(request(SECOND, delivery, PLAIN, 2, Some(200)));
                let attempts = vec![
                    logged(1, AttemptOutcome::Lost, None),
                    logged(2, AttemptOutcome::Response, Some(200)),
                ];
                history.rows.push(delivered(delivery, PLAIN, attempts));
            }
        },
        |found| *found == Violation::TooManyLost { pid: FIRST, lost: 3, allowed: 2 },
    );
}

#[test]
fn an_outage_excuses_what_was_under_way() {
    let mut history = good();
    history.wire[4] = Event::OutageBegan;
    history.wire.insert(5, Event::OutageEnded);
    let totals = judge(&history).unwrap();
    assert_eq!((totals.outages, totals.duplicates, totals.allowance), (1, 1, 1));
    // One that is over before the request was sent does not.
    let outage: Vec<Event> = history.wire.drain(4..6).collect();
    history.wire.splice(0..0, outage);
    let violations = judge(&history).unwrap_err();
    assert!(
        violations.iter().any(|found| matches!(found, Violation::DuplicateWithoutCause { delivery: 2, .. }))
    );
}

#[test]
fn a_pause_excuses_what_was_under_way_before_it() {
    let mut history = good();
    history.wire[4] = Event::Paused { pid: FIRST };
    history.wire.push(request(FIRST, 7, PLAIN, 1, Some(200)));
    history.rows.push(delivered(7, PLAIN, vec![logged(1, AttemptOutcome::Response, Some(200))]));
    assert_eq!(judge(&history).unwrap().duplicates, 1);
    let pause = history.wire.remove(4);
    history.wire.insert(0, pause);
    let violations = judge(&history).unwrap_err();
    assert!(
        violations.iter().any(|found| matches!(found, Violation::DuplicateWithoutCause { delivery: 2, .. }))
    );
}

#[test]
fn a_pause_delays_no_more_requests_than_there_are_threads() {
    let mut history = good();
    // The pause instead of the kill; then another goes on, and the first sends what it was about to.
    history.wire[4] = Event::Paused { pid: FIRST };
    history.wire.remove(2);
    history.wire.push(request(FIRST, 2, PLAIN, 1, Some(200)));
    let totals = judge(&history).unwrap();
    assert_eq!((totals.delayed, totals.duplicates), (1, 0));
    let is_late = |found: &Violation| {
        matches!(found, Violation::Mismatch(Mismatch::NumberNotRising { delivery: 2, send: 1, before: 2 }))
    };
    // Nobody was paused before it; or another was.
    for pid in [None, Some(SECOND)] {
        let mut history = history.clone();
        match pid {
            None => drop(history.wire.remove(3)),
            Some(pid) => history.wire[3] = Event::Paused { pid },
        }
        assert!(judge(&history).unwrap_err().iter().any(is_late));
    }
    // The store does not say that it was lost.
    let mut told = history.clone();
    told.rows[1].attempts[0] = logged(1, AttemptOutcome::Response, Some(200));
    assert!(judge(&told).unwrap_err().iter().any(is_late));
    // One more than its threads.
    history.rows[2].attempts[0] = logged(1, AttemptOutcome::Lost, None);
    let first = history.wire.remove(1);
    history.wire.push(first);
    let too_many = Violation::TooManyAfterPause { pid: FIRST, delayed: 2, allowed: 1 };
    assert!(judge(&history).unwrap_err().contains(&too_many));
}

#[test]
fn an_answer_that_came_too_late_is_counted_apart() {
    let mut history = good();
    history.rows[1].attempts[0] = logged(1, AttemptOutcome::Fault(Fault::Timeout), None);
    let totals = judge(&history).unwrap();
    assert_eq!((totals.duplicates, totals.allowance, totals.late), (0, 0, 1));
}
