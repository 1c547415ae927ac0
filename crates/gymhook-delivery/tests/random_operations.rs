//! Random operations, crashes and clocks against invariants that are kept apart from the machine's code.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod witness;
mod world;

use core::time::Duration;

use gymhook_delivery::{AutoDisable, BreakerPolicy, EndpointPolicy, Rate};
use gymhook_retry::{Classify, RetryPolicy, RetrySchedule};
use proptest::prelude::*;
use witness::Witness;
use world::{count, seconds};

const ENDPOINTS: u128 = 4;
const DELIVERIES: u128 = 14;
const RETRY_DELAY: Duration = seconds(10);
const OWN_FAULT_DELAY: Duration = seconds(4);
const LOST_DELAY: Duration = seconds(3);

#[derive(Clone, Copy, Debug)]
enum Operation {
    Enqueue(u128),
    Answer(usize, Answer),
    AnswerTwice(usize),
    Pass(u64),
    StepBack(u64),
    Cancel(u128),
    Redeliver(u128),
    Forget(u128),
    Disable(u128),
    Enable(u128),
    Policy(u128, u8),
    Snapshot,
    Crash,
    Drain(bool),
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Accepted,
    Failed,
    Gone,
    AskedToWait(u64),
    OurFault,
    Lost,
}

fn operation() -> impl Strategy<Value = Operation> {
    let answer = prop_oneof![
        5 => Just(Answer::Accepted),
        6 => Just(Answer::Failed),
        1 => Just(Answer::Gone),
        2 => (0..60_u64).prop_map(Answer::AskedToWait),
        2 => Just(Answer::OurFault),
        2 => Just(Answer::Lost),
    ];
    prop_oneof![
        8 => (0..DELIVERIES).prop_map(Operation::Enqueue),
        12 => (any::<usize>(), answer).prop_map(|(which, answer)| Operation::Answer(which, answer)),
        2 => any::<usize>().prop_map(Operation::AnswerTwice),
        8 => (0..25_u64).prop_map(Operation::Pass),
        1 => (0..500_u64).prop_map(Operation::Pass),
        1 => (0..5_000_u64).prop_map(Operation::StepBack),
        2 => (0..DELIVERIES).prop_map(Operation::Cancel),
        3 => (0..DELIVERIES).prop_map(Operation::Redeliver),
        1 => (0..DELIVERIES).prop_map(Operation::Forget),
        1 => (0..ENDPOINTS).prop_map(Operation::Disable),
        3 => (0..ENDPOINTS).prop_map(Operation::Enable),
        2 => (0..ENDPOINTS, any::<u8>()).prop_map(|(to, kind)| Operation::Policy(to, kind)),
        2 => Just(Operation::Snapshot),
        1 => Just(Operation::Crash),
        1 => any::<bool>().prop_map(Operation::Drain),
    ]
}

fn policy(kind: u8) -> EndpointPolicy {
    let retry = RetryPolicy::new(RetrySchedule::constant(RETRY_DELAY, u32::from(kind % 3)))
        .with_classify(Classify::new().disabling_on_gone())
        .with_own_fault_delay(OWN_FAULT_DELAY)
        .with_lost_delay(LOST_DELAY);
    let rate = (kind & 4 > 0).then(|| Rate::new(count(1), seconds(3)));
    let breaker = (kind & 8 > 0).then(|| BreakerPolicy::new(count(2), seconds(20), seconds(60)));
    let auto_disable = AutoDisable::never().with_failed_in_a_row((kind & 16 > 0).then_some(count(3)));
    EndpointPolicy::new(retry)
        .with_max_in_flight(count(1 + u32::from(kind % 4)))
        .with_rate(rate)
        .with_breaker(breaker)
        .with_auto_disable(auto_disable)
        .with_ordered(kind & 32 > 0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_promises_hold(operations in prop::collection::vec(operation(), 1..150)) {
        let mut witness = Witness::new();
        for operation in operations {
            witness.perform(operation);
        }
        witness.settle();
    }
}
