//! The judge refuses every history in which a promise is broken, and names the promise.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use gymhook_crash_tests::check::Mismatch;
use gymhook_crash_tests::rows::{Logged, Row};
use gymhook_disk_tests::backend::Inspected;
use gymhook_disk_tests::check::{Told, Violation, check};
use gymhook_disk_tests::history::History;
use gymhook_disk_tests::ledger::{Asked, Event, Request};
use gymhook_disk_tests::total::Totals;
use gymhook_engine::store::{AttemptOutcome, State, StoreError};

const PLAIN: u32 = 0;
const ORDERED: u32 = 2;
const HOPELESS: u32 = 5;

fn digest(delivery: u128) -> u64 {
    u64::try_from(delivery).unwrap() + 1_000
}

fn enqueued(delivery: u128, endpoint: u32, is_old: bool) -> [Event; 2] {
    let asked =
        Asked { delivery, endpoint, digest: digest(delivery), is_held: (4..=5).contains(&delivery), is_old };
    [Event::Asked(asked), Event::Acknowledged { delivery }]
}

fn request(delivery: u128, endpoint: u32, send: u32, round: u32, status: u16) -> Event {
    let digest = digest(delivery);
    Event::Request(Request { delivery, endpoint, send, round, digest, status: Some(status) })
}

fn logged(send: u32, round: u32, status: u16) -> Logged {
    Logged { send, round, outcome: AttemptOutcome::Response, status: Some(status) }
}

fn lost(send: u32) -> Logged {
    Logged { send, round: 1, outcome: AttemptOutcome::Lost, status: None }
}

fn row(delivery: u128, endpoint: u32, state: State, attempts: Vec<Logged>) -> Row {
    let sends = u32::try_from(attempts.len()).unwrap();
    Row { delivery, endpoint, digest: Some(digest(delivery)), state, reason: None, sends, attempts }
}

/// 1 is delivered, and again because somebody asks. 2 is old and purged. 3 is given up after three attempts. 4 is held, 5 is
/// held and cancelled. 6 and 7 go to an ordered endpoint. 8 is taken, its process dies, and it is sent again.
fn good() -> History {
    let endpoints = [PLAIN, PLAIN, HOPELESS, PLAIN, PLAIN, ORDERED, ORDERED, PLAIN];
    let enqueued = (1..).zip(endpoints).flat_map(|(delivery, to)| enqueued(delivery, to, delivery == 2));
    let events = enqueued.chain([
        request(2, PLAIN, 1, 1, 200),
        Event::PurgeAsked,
        request(1, PLAIN, 1, 1, 200),
        Event::RedeliveryAsked { delivery: 1 },
        Event::RedeliveryTaken { delivery: 1 },
        request(1, PLAIN, 2, 2, 200),
        request(3, HOPELESS, 1, 1, 500),
        request(3, HOPELESS, 2, 1, 500),
        request(3, HOPELESS, 3, 1, 500),
        Event::CancelAsked { delivery: 5 },
        Event::CancelTaken { delivery: 5 },
        request(6, ORDERED, 1, 1, 503),
        request(6, ORDERED, 2, 1, 200),
        request(7, ORDERED, 1, 1, 200),
        request(8, PLAIN, 1, 1, 200),
        Event::Died,
        request(8, PLAIN, 2, 1, 200),
    ]);
    let rows = vec![
        row(1, PLAIN, State::Delivered, vec![logged(1, 1, 200), logged(2, 2, 200)]),
        row(3, HOPELESS, State::Undeliverable, (1..=3).map(|send| logged(send, 1, 500)).collect()),
        row(4, PLAIN, State::Waiting, Vec::new()),
        row(5, PLAIN, State::Cancelled, Vec::new()),
        row(6, ORDERED, State::Delivered, vec![logged(1, 1, 503), logged(2, 1, 200)]),
        row(7, ORDERED, State::Delivered, vec![logged(1, 1, 200)]),
        row(8, PLAIN, State::Delivered, vec![lost(1), logged(2, 1, 200)]),
    ];
    let complaints = vec![StoreError::Full];
    History { events: events.collect(), complaints, rows, inspected: Inspected::default() }
}

fn row_of(history: &mut History, delivery: u128) -> &mut Row {
    history.rows.iter_mut().find(|row| row.delivery == delivery).unwrap()
}

/// The last request of a delivery.
fn last_of(history: &mut History, of: u128) -> &mut Request {
    let requests = history.events.iter_mut().rev().filter_map(|event| match event {
        Event::Request(request) if request.delivery == of => Some(request),
        _ => None,
    });
    requests.into_iter().next().unwrap()
}

/// The good history with one thing changed is refused, and for this reason.
fn refused(change: impl FnOnce(&mut History), reason: impl Fn(&Violation) -> bool) -> Totals {
    let mut history = good();
    change(&mut history);
    let (totals, violations) = check(&history, Told::Full);
    assert!(violations.iter().any(reason), "a broken promise is not noticed, only {violations:?}");
    totals
}

#[test]
fn a_good_history_is_counted() {
    let (totals, violations) = check(&good(), Told::Full);
    assert_eq!(violations, []);
    let expected = Totals {
        acknowledged: 8,
        delivered: 4,
        others: 3,
        purged: 1,
        requests: 11,
        duplicates: 1,
        refusals: 1,
        ..Totals::default()
    };
    assert_eq!(totals, expected);
}

#[test]
fn what_is_lost_or_quarantined_is_noticed() {
    let gone = |history: &mut History| history.rows.retain(|row| row.delivery != 4);
    assert_eq!(refused(gone, |found| *found == Violation::Lost { delivery: 4 }).lost, 1);
    let not_old = |history: &mut History| history.rows.retain(|row| row.delivery != 7);
    refused(not_old, |found| *found == Violation::SentWithoutRow { delivery: 7 });
    let never_purged = |history: &mut History| history.events.retain(|event| *event != Event::PurgeAsked);
    refused(never_purged, |found| *found == Violation::Lost { delivery: 2 });
    let quarantined = |history: &mut History| row_of(history, 4).state = State::Quarantined;
    let found = refused(quarantined, |found| *found == Violation::Quarantined { delivery: 4 });
    assert_eq!((found.lost, found.quarantined), (0, 1));
}

#[test]
fn a_body_that_is_missing_or_another_is_noticed() {
    let changed =
        |delivery| move |found: &Violation| *found == Violation::Mismatch(Mismatch::BodyChanged { delivery });
    assert_eq!(refused(|history| row_of(history, 4).digest = None, changed(4)).lost, 1);
    refused(|history| row_of(history, 4).digest = Some(0), changed(4));
    refused(|history| last_of(history, 7).digest = 0, changed(7));
    let alone = Inspected { without_body: 1, ..Inspected::default() };
    let told = alone.clone();
    refused(|history| history.inspected = alone, move |found| *found == Violation::Tables(told.clone()));
}

#[test]
fn what_nobody_asked_for_is_noticed() {
    let invented = |found: &Violation| *found == Violation::Invented { delivery: 9 };
    refused(|history| history.rows.push(row(9, PLAIN, State::Waiting, Vec::new())), invented);
    refused(|history| history.events.push(request(9, PLAIN, 1, 1, 200)), invented);
    let elsewhere = |found: &Violation| {
        matches!(found, Violation::Mismatch(Mismatch::EndpointChanged { delivery: 7, .. }))
    };
    refused(|history| row_of(history, 7).endpoint = PLAIN, elsewhere);
    refused(|history| last_of(history, 7).endpoint = PLAIN, elsewhere);
    let early = |found: &Violation| *found == Violation::SentTooEarly { delivery: 4 };
    refused(|history| history.events.push(request(4, PLAIN, 1, 1, 200)), early);
    let strange = |found: &Violation| matches!(found, Violation::StrangeState { delivery: 4, .. });
    refused(|history| row_of(history, 4).state = State::Cancelled, strange);
}

#[test]
fn what_has_not_ended_as_it_should_is_noticed() {
    let not_drained = |delivery| move |found: &Violation| matches!(found, Violation::NotDrained { delivery: is, .. } if *is == delivery);
    refused(|history| row_of(history, 7).state = State::InFlight, not_drained(7));
    refused(|history| row_of(history, 5).state = State::Waiting, not_drained(5));
    let never_taken = |history: &mut History| last_of(history, 7).status = Some(500);
    refused(never_taken, |found| *found == Violation::Mismatch(Mismatch::NotDelivered { delivery: 7 }));
    let too_early = |history: &mut History| {
        history.events.retain(|event| *event != request(3, HOPELESS, 3, 1, 500));
        row_of(history, 3).attempts.pop();
        row_of(history, 3).sends = 2;
    };
    let given_up = Violation::GivenUpTooEarly { delivery: 3, charged: 2, allowed: 3 };
    refused(too_early, |found| *found == given_up);
    let done_once = |history: &mut History| {
        row_of(history, 1).attempts.pop();
        row_of(history, 1).sends = 1;
    };
    refused(done_once, |found| *found == Violation::NotRedelivered { delivery: 1 });
}

#[test]
fn a_batch_that_is_half_applied_is_noticed() {
    let half = |delivery| move |found: &Violation| matches!(found, Violation::HalfApplied { delivery: is, .. } if *is == delivery);
    refused(|history| row_of(history, 7).attempts.clear(), half(7));
    refused(|history| row_of(history, 7).sends = 2, half(7));
    refused(|history| row_of(history, 3).state = State::Delivered, half(3));
    let unknown = Violation::Mismatch(Mismatch::NotRecordedFirst { delivery: 7, send: 1, known: 0 });
    refused(|history| row_of(history, 7).sends = 0, |found| *found == unknown);
    let log_wrong = |found: &Violation| {
        matches!(found, Violation::Mismatch(Mismatch::LogWrong { delivery: 6, send: 1, .. }))
    };
    refused(|history| row_of(history, 6).attempts[0].status = Some(500), log_wrong);
    for inspected in [
        Inspected { bodies_alone: 1, ..Inspected::default() },
        Inspected { attempts_alone: 1, ..Inspected::default() },
        Inspected { commands_left: 1, ..Inspected::default() },
        Inspected { damage: Some("page 3".to_owned()), ..Inspected::default() },
    ] {
        let told = inspected.clone();
        refused(
            |history| history.inspected = inspected,
            move |found| *found == Violation::Tables(told.clone()),
        );
    }
}

#[test]
fn what_is_sent_too_often_or_out_of_order_is_noticed() {
    let again = Violation::SentAgain { delivery: 8, send: 2, accepted: 1 };
    refused(|history| history.events.retain(|event| *event != Event::Died), |found| *found == again);
    refused(|history| row_of(history, 8).attempts[0] = logged(1, 1, 200), |found| *found == again);
    let rounds = Violation::TooManyRounds { delivery: 7, rounds: 2, asked: 0 };
    refused(|history| row_of(history, 7).attempts[0].round = 2, |found| *found == rounds);
    let not_rising = Violation::Mismatch(Mismatch::NumberNotRising { delivery: 6, send: 1, before: 1 });
    refused(|history| last_of(history, 6).send = 1, |found| *found == not_rising);
    let swap = |history: &mut History| {
        let at = |history: &History, wanted: Event| {
            history.events.iter().position(|event| *event == wanted).unwrap()
        };
        let (six, seven) =
            (at(history, request(6, ORDERED, 2, 1, 200)), at(history, request(7, ORDERED, 1, 1, 200)));
        history.events.swap(six, seven);
    };
    refused(swap, |found| {
        *found == Violation::Mismatch(Mismatch::OutOfOrder { endpoint: ORDERED, delivery: 6, later: 7 })
    });
}

#[test]
fn an_error_that_is_not_what_went_wrong_is_noticed() {
    let told = |told, error: StoreError| {
        let history = History { complaints: vec![error], ..good() };
        check(&history, told).1
    };
    let unavailable = |problem: &str| StoreError::Unavailable { problem: problem.to_owned() };
    let aftermath = unavailable("cannot commit - no transaction is active");
    let io = unavailable("disk I/O error");
    assert_eq!(told(Told::Full, io.clone()), [Violation::WrongError(io.clone())]);
    assert_eq!(told(Told::Unavailable, io.clone()), []);
    assert_eq!(told(Told::Unavailable, StoreError::Full), [Violation::WrongError(StoreError::Full)]);
    for said in [Told::Full, Told::Unavailable, Told::Either] {
        assert_eq!(told(said, aftermath.clone()), [Violation::WrongError(aftermath.clone())]);
        assert_eq!(told(said, StoreError::Closed), [Violation::WrongError(StoreError::Closed)]);
    }
    assert_eq!(told(Told::Either, StoreError::Full), []);
    assert_eq!(told(Told::Either, io), []);
}
