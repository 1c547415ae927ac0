//! Between endpoints: turns, slow neighbours, recovery after an outage. In virtual time, so exact.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod world;

use core::cmp::Reverse;
use core::time::Duration;
use std::collections::{BTreeMap, BinaryHeap};

use gymhook_delivery::{Attempt, BreakerPolicy, DeliveryChange, Dispatcher, Limits, Output, Rate, Record};
use gymhook_retry::{RetryBudget, RetryPolicy, RetrySchedule};
use time::UtcDateTime;
use world::*;

#[test]
fn between_two_turns_of_one_endpoint_every_other_has_one() {
    let mut world = World::with(Limits::new(count(1)), None);
    for to in 0..10 {
        world.add(to, plain_policy());
    }
    // Endpoint 0 has a thousand waiting before any other gets its ten.
    for delivery in 0..1_000 {
        world.enqueue(delivery, 0);
    }
    for delivery in 0..90 {
        world.enqueue(1_000 + delivery, 1 + delivery % 9);
    }
    for _ in 0..120 {
        let next = world.flying()[0];
        world.answer(next, ok());
    }
    let turns: Vec<u128> =
        world.sent.iter().map(|(_, sent)| sent.attempt.endpoint.as_uuid().as_u128()).collect();
    for window in turns[1..91].windows(10) {
        let mut seen = window.to_vec();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 10, "{window:?}");
    }
}

#[test]
fn a_retry_whose_time_comes_as_the_budget_pays_queues_behind_those_that_wait_for_the_budget() {
    // One retry a minute for both endpoints together, and endpoint 2 may send once a minute: from its first retry on,
    // its rate and the budget let a retry through at the same moments.
    let budget = RetryBudget::new(0, 1, 1, START).unwrap();
    let mut world = World::with(Limits::new(count(10)), Some(budget));
    let every = |wait| RetryPolicy::new(RetrySchedule::constant(seconds(wait), 100));
    world.add(1, plain_policy().with_retry(every(65)));
    world.add(2, plain_policy().with_retry(every(10)).with_rate(Some(Rate::new(count(1), seconds(60)))));
    world.enqueue(11, 1);
    world.enqueue(12, 2);
    for _ in 0..600 {
        world.answer_all(failure());
        world.pass_seconds(1);
    }
    let retries =
        |to| world.sent.iter().filter(|(_, sent)| sent.attempt.endpoint == endpoint(to)).count() - 1;
    assert!(retries(1).abs_diff(retries(2)) <= 1, "{} and {}", retries(1), retries(2));
}

#[test]
fn the_budget_goes_round_whoever_else_has_a_turn_when_it_pays() {
    // One retry a minute for three endpoints that only fail, and a fourth that sends first attempts at the same moments.
    let budget = RetryBudget::new(0, 1, 1, START).unwrap();
    let mut world = World::with(Limits::new(count(100)), Some(budget));
    let policy = plain_policy().with_retry(RetryPolicy::new(RetrySchedule::constant(seconds(1), 1_000)));
    for to in 1..=3 {
        world.add(to, policy.clone());
        world.enqueue(to, to);
    }
    world.answer_all(failure());
    world.pass_seconds(1); // the first retry takes what the budget begins with
    world.add(9, policy.with_rate(Some(Rate::new(count(1), seconds(60)))));
    for delivery in 0..100 {
        world.enqueue(100 + delivery, 9);
    }
    for _ in 0..3_600 {
        for flying in world.flying() {
            world.answer(flying, if flying < 100 { failure() } else { ok() });
        }
        world.pass_seconds(1);
    }
    let sent_to = |to| world.sent.iter().filter(|(_, sent)| sent.attempt.endpoint == endpoint(to)).count();
    let retries = [1, 2, 3].map(|to| sent_to(to) - 1);
    assert!(retries.iter().all(|retries| (19..=21).contains(retries)), "{retries:?}");
}

/// A world of many endpoints that get a delivery now and then, some of which never answer.
struct Crowd {
    dispatcher: Dispatcher,
    events: BinaryHeap<Reverse<(UtcDateTime, u64, Event)>>,
    serial: u64,
    hang: u128,
    enqueued: BTreeMap<u128, UtcDateTime>,
    waits: Vec<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Enqueue(u128),
    Answer(gymhook_delivery::AttemptRef),
    Wake,
}

impl Crowd {
    fn run(endpoints: u128, hang: u128, length: Duration) -> Vec<Duration> {
        let mut dispatcher = Dispatcher::new(Limits::new(count(400)), None, START);
        let policy = plain_policy().with_max_in_flight(count(8)).with_breaker(Some(BreakerPolicy::default()));
        for to in 0..endpoints {
            dispatcher.add_endpoint(endpoint(to), policy.clone(), START).unwrap();
        }
        let (events, enqueued, waits) = (BinaryHeap::new(), BTreeMap::new(), Vec::new());
        let mut crowd = Self { dispatcher, events, serial: 0, hang, enqueued, waits };
        // Each endpoint gets a delivery a second, all evenly spread.
        for second in 0..length.as_secs() {
            for to in 0..endpoints {
                let offset = Duration::from_micros(u64::try_from(to).unwrap() * 1_000_000 / 1_000);
                crowd.at(
                    START + seconds(second) + offset,
                    Event::Enqueue(u128::from(second) * endpoints + to),
                );
            }
        }
        while let Some(Reverse((now, _, event))) = crowd.events.pop() {
            if now > START + length {
                break;
            }
            crowd.handle(event, endpoints, now);
        }
        crowd.waits
    }

    fn at(&mut self, at: UtcDateTime, event: Event) {
        self.serial += 1;
        self.events.push(Reverse((at, self.serial, event)));
    }

    fn handle(&mut self, event: Event, endpoints: u128, now: UtcDateTime) {
        match event {
            Event::Enqueue(delivery) => {
                self.enqueued.insert(delivery, now);
                let _ = self.dispatcher.enqueue(new(delivery, delivery % endpoints), now).unwrap();
            }
            Event::Answer(attempt) => {
                let hangs = attempt.endpoint < endpoint(self.hang);
                self.dispatcher.handle_outcome(&attempt, &if hangs { failure() } else { ok() }, now);
            }
            Event::Wake => self.dispatcher.handle_timeout(now),
        }
        loop {
            match self.dispatcher.poll_output() {
                Output::Attempt(attempt) => self.send(&attempt, now),
                Output::Record(_) => {}
                Output::WakeAt(at) => {
                    if let Some(at) = at.filter(|at| *at > now) {
                        self.at(at, Event::Wake);
                    }
                    return;
                }
            }
        }
    }

    fn send(&mut self, attempt: &Attempt, now: UtcDateTime) {
        let hangs = attempt.attempt.endpoint < endpoint(self.hang);
        let answered = if hangs { attempt.deadline } else { now + Duration::from_millis(50) };
        self.at(answered, Event::Answer(attempt.attempt));
        if attempt.attempt.endpoint >= endpoint(100) && attempt.number.get() == 1 {
            let delivery = attempt.attempt.delivery.as_uuid().as_u128();
            let wait = now - self.enqueued[&delivery];
            self.waits.push(Duration::try_from(wait).unwrap());
        }
    }
}

#[test]
fn a_hundred_endpoints_that_hang_do_not_slow_down_the_other_nine_hundred() {
    let percentile = |mut waits: Vec<Duration>| {
        waits.sort_unstable();
        (waits[waits.len() * 99 / 100], waits.len())
    };
    let without = percentile(Crowd::run(1_000, 0, seconds(40)));
    let with = percentile(Crowd::run(1_000, 100, seconds(40)));
    assert_eq!(with.1, without.1, "as many healthy deliveries were sent");
    assert!(with.0.as_nanos() * 10 <= without.0.as_nanos() * 11, "{:?} against {:?}", with.0, without.0);
}

#[test]
fn after_an_outage_the_backlog_drains_at_the_rate_and_hardly_slower() {
    let mut world = World::new();
    let rate = Rate::new(count(100), seconds(1));
    let policy = plain_policy().with_rate(Some(rate)).with_max_in_flight(count(32));
    world.add(1, policy.with_retry(retries(1_000)).with_breaker(Some(BreakerPolicy::default())));
    // An hour of outage in which everything fails at once.
    let backlog = 10_000_u128;
    for delivery in 0..backlog {
        world.enqueue(delivery, 1);
    }
    while world.now < START + seconds(3_600) {
        world.answer_all(failure());
        world.pass_seconds(1);
    }
    let (back, sent_before) = (world.now, world.sent.len());
    let mut delivered = 0;
    while delivered < backlog {
        delivered += u128::try_from(world.under_way.len()).unwrap();
        world.answer_all(ok());
        if delivered < backlog {
            world.wake();
        }
    }
    let took = world.now - back;
    let ideal = seconds(u64::try_from(backlog).unwrap() / 100);
    let probe_pause = seconds(120); // the longest the breaker may still be open when the endpoint is back
    assert!(took <= ideal.mul_f64(1.2) + probe_pause, "{took} instead of {ideal:?}");
    let times: Vec<_> = world.sent[sent_before..].iter().map(|(at, _)| *at).collect();
    for pair in times.windows(101) {
        assert!(pair[100] - pair[0] >= seconds(1), "more than a hundred in a second");
    }
    let ends = world
        .journal
        .iter()
        .filter(|record| matches!(record, Record::Delivery { change: DeliveryChange::Ended(_), .. }));
    assert_eq!(u128::try_from(ends.count()).unwrap(), backlog);
}

/// One slot, and a hundred endpoints whose retries come due at the moment that is next.
fn crowd_about_to_come_due() -> World {
    let mut world = World::with(Limits::new(count(1)), None);
    for to in 0..100 {
        world.add(to, plain_policy().with_retry(RetryPolicy::new(RetrySchedule::constant(seconds(10), 3))));
        world.enqueue(to, to);
        world.answer(to, failure());
    }
    world
}

#[test]
fn a_crowd_that_comes_due_at_once_costs_a_newcomer_a_few_turns() {
    let mut world = crowd_about_to_come_due();
    world.add(500, plain_policy());
    world.pass_seconds(10);
    assert_eq!(world.under_way.len(), 1);
    world.enqueue(1_000, 500);
    let turns_before = world.sent.len();
    while !world.flying().contains(&1_000) {
        world.answer_all(ok());
    }
    let turns = world.sent.len() - turns_before;
    assert!(turns <= 10, "{turns} turns of the hundred");
}

#[test]
fn a_crowd_that_comes_due_does_not_wait_for_one_with_much_to_send() {
    let mut world = crowd_about_to_come_due();
    world.add(500, plain_policy());
    for delivery in 0..1_000 {
        world.enqueue(1_000 + delivery, 500);
    }
    world.pass_seconds(10);
    let sent_before = world.sent.len();
    for _ in 0..150 {
        world.answer_all(ok());
    }
    let retries = world.sent_ids()[sent_before..].iter().filter(|sent| **sent < 100).count();
    assert_eq!(retries, 100, "in 150 turns each of them has had its own");
}
