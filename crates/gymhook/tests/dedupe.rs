//! The receiver's half: two phases, bounded memory, contradictions named.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use core::time::Duration;
use std::collections::BTreeMap;

use gymhook::dedupe::{Claim, ClaimToken, DedupeWindow, NotClaimed, WindowFull};
use gymhook::delivery::BodyDigest;
use proptest::prelude::*;
use time::UtcDateTime;
use time::macros::utc_datetime;

const START: UtcDateTime = utc_datetime!(2026-01-01 12:00);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const A: BodyDigest = BodyDigest::new([0xa; 32]);
const B: BodyDigest = BodyDigest::new([0xb; 32]);

/// 3 keys, kept for 100 s, claims void after 10 s.
fn window() -> DedupeWindow<u8> {
    DedupeWindow::new(3, seconds(100), seconds(10))
}

fn claim(window: &mut DedupeWindow<u8>, key: u8, now: UtcDateTime) -> ClaimToken {
    match window.claim(key, A, now) {
        Ok(Claim::New(token)) => token,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_committed_is_a_duplicate_until_the_retention_is_over() {
    let mut window = window();
    let token = claim(&mut window, 1, START);
    window.commit(&1, token, START + seconds(5)).unwrap();
    assert_eq!(window.claim(1, A, START + seconds(105) - Duration::from_nanos(1)), Ok(Claim::Duplicate));
    claim(&mut window, 1, START + seconds(105));
}

#[test]
fn what_was_released_is_taken_by_the_next() {
    let mut window = window();
    let token = claim(&mut window, 1, START);
    assert_eq!(window.claim(1, A, START), Ok(Claim::InProgress));
    assert!(!window.is_empty());
    window.release(&1, token, START).unwrap();
    assert!(window.is_empty());
    claim(&mut window, 1, START);
}

#[test]
fn a_claim_nobody_finishes_is_void_after_its_time() {
    let mut window = window();
    let first = claim(&mut window, 1, START);
    assert_eq!(window.claim(1, A, START + seconds(10) - Duration::from_nanos(1)), Ok(Claim::InProgress));
    let second = claim(&mut window, 1, START + seconds(10));
    let now = START + seconds(11);
    assert_eq!(window.commit(&1, first, now), Err(NotClaimed), "the crashed handler comes back too late");
    assert_eq!(window.release(&1, first, now), Err(NotClaimed));
    assert_eq!(window.commit(&1, second, now), Ok(()));
    assert_eq!(window.commit(&1, second, now), Err(NotClaimed), "once");
    assert_eq!(window.release(&1, second, now), Err(NotClaimed), "what is committed stays");
    assert_eq!(window.claim(1, A, now), Ok(Claim::Duplicate));
}

#[test]
fn the_same_key_with_another_body_is_a_conflict_in_every_state() {
    let mut window = window();
    let token = claim(&mut window, 1, START);
    assert_eq!(window.claim(1, B, START), Ok(Claim::Conflict));
    window.commit(&1, token, START).unwrap();
    assert_eq!(window.claim(1, B, START), Ok(Claim::Conflict));
    assert_eq!(window.claim(1, A, START), Ok(Claim::Duplicate), "and the first body stays the right one");
}

#[test]
fn a_derived_key_with_another_body_resembles_and_never_conflicts() {
    let mut window = window();
    let Ok(Claim::New(first)) = window.claim_derived(1, A, START) else { panic!("it is new") };
    assert_eq!(window.claim_derived(1, A, START), Ok(Claim::InProgress));
    let Ok(Claim::Resembling(second)) = window.claim_derived(1, B, START) else { panic!("another body") };
    window.commit(&1, first, START).unwrap();
    assert_eq!(window.claim_derived(1, A, START), Ok(Claim::Duplicate));
    assert_eq!(window.claim_derived(1, B, START), Ok(Claim::InProgress), "each body has its own claim");
    window.commit(&1, second, START).unwrap();
    assert_eq!(window.claim_derived(1, B, START), Ok(Claim::Duplicate));
    assert_eq!(window.commit(&1, first, START), Err(NotClaimed), "once");
    let expired = START + seconds(100);
    assert!(matches!(window.claim_derived(1, B, expired), Ok(Claim::New(_))), "nothing is left to resemble");
    let Ok(Claim::New(_)) = window.claim_derived(2, A, expired) else { panic!("another key") };
    assert_eq!(window.len(), 2);
}

#[test]
fn a_full_window_takes_nothing_new_and_forgets_nothing_early() {
    let mut window = window();
    for key in 1..=3 {
        let token = claim(&mut window, key, START);
        window.commit(&key, token, START + seconds(u64::from(key))).unwrap();
    }
    let full = window.claim(4, A, START + seconds(50)).unwrap_err();
    assert_eq!(full.retry_at, Some(START + seconds(101)));
    for key in 1..=3 {
        assert_eq!(window.claim(key, A, START + seconds(50)), Ok(Claim::Duplicate));
    }
    claim(&mut window, 4, START + seconds(101));
    assert_eq!(window.len(), 3);

    let mut none = DedupeWindow::new(0, seconds(1), seconds(1));
    assert_eq!(none.claim(1, A, START).unwrap_err().retry_at, None);
}

#[test]
fn a_clock_that_steps_back_forgets_nothing() {
    let mut window = window();
    let token = claim(&mut window, 1, START);
    window.commit(&1, token, START).unwrap();
    assert_eq!(window.claim(1, A, UtcDateTime::MIN), Ok(Claim::Duplicate));
    let second = claim(&mut window, 2, UtcDateTime::MIN);
    assert_eq!(window.claim(2, A, START + seconds(9)), Ok(Claim::InProgress));
    assert_eq!(window.commit(&2, second, START), Ok(()));
}

#[test]
fn maximal_durations_are_survived() {
    let mut window = DedupeWindow::new(3, Duration::MAX, Duration::MAX);
    let token = claim(&mut window, 1, START);
    window.commit(&1, token, START).unwrap();
    assert_eq!(window.claim(1, A, START + seconds(1_000_000_000)), Ok(Claim::Duplicate));
    let mut at_once = DedupeWindow::new(3, Duration::ZERO, Duration::ZERO);
    let token = claim(&mut at_once, 1, START);
    assert_eq!(at_once.commit(&1, token, START), Err(NotClaimed));
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Claim(u8, bool),
    Commit(u8),
    Release(u8),
    Pass(u64),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        3 => (0..6_u8, any::<bool>()).prop_map(|(key, other)| Operation::Claim(key, other)),
        2 => (0..6_u8).prop_map(Operation::Commit),
        1 => (0..6_u8).prop_map(Operation::Release),
        2 => (0..40_u64).prop_map(Operation::Pass),
    ]
}

/// What a key is remembered with: until when, its body, and its token while it is claimed.
type Remembered = (UtcDateTime, BodyDigest, Option<ClaimToken>);

proptest! {
    #[test]
    fn it_remembers_what_a_simple_list_does(operations in prop::collection::vec(operation(), 1..200)) {
        let (mut window, mut now) = (window(), START);
        let mut list: BTreeMap<u8, Remembered> = BTreeMap::new();
        for operation in operations {
            list.retain(|_, (until, ..)| *until > now);
            match operation {
                Operation::Pass(length) => now += seconds(length),
                Operation::Claim(key, other) => {
                    let body = if other { B } else { A };
                    match (window.claim(key, body, now), list.get(&key)) {
                        (Ok(Claim::New(token)), None) => {
                            list.insert(key, (now + seconds(10), body, Some(token)));
                        }
                        (Err(WindowFull { .. }), None) => prop_assert_eq!(list.len(), 3),
                        (Ok(Claim::Conflict), Some((_, held, _))) => prop_assert_ne!(*held, body),
                        (Ok(Claim::InProgress), Some((_, held, Some(_)))) => prop_assert_eq!(*held, body),
                        (Ok(Claim::Duplicate), Some((_, held, None))) => prop_assert_eq!(*held, body),
                        (got, held) => prop_assert!(false, "{:?} though {:?}", got, held),
                    }
                }
                Operation::Commit(key) => {
                    if let Some((_, body, Some(token))) = list.get(&key).copied() {
                        prop_assert_eq!(window.commit(&key, token, now), Ok(()));
                        list.insert(key, (now + seconds(100), body, None));
                    }
                }
                Operation::Release(key) => {
                    if let Some((_, _, Some(token))) = list.get(&key).copied() {
                        prop_assert_eq!(window.release(&key, token, now), Ok(()));
                        list.remove(&key);
                    }
                }
            }
            prop_assert!(window.len() <= 3);
        }
    }
}
