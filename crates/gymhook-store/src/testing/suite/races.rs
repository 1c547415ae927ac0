//! Races: tasks that enqueue the same ids, bodies, repeats or batches at the same time; workers that lease at the same
//! time; writers that create, change or delete one subscription. The races of follow-ups are in `follow_ups`.

use gymhook_delivery::{DeliveryState, Enqueued};
use time::UtcDateTime;

use super::Harness;
use super::stage::{
    HOUR, Stage, attempt, begun, delivery, ended, endpoint, endpoints, held, notification, subscription,
    worker,
};
use crate::Direction;
use crate::{
    Batch, DeleteCondition, Fetch, LeaseRequest, NewNotification, Refused, RepeatCheck, StatsQuery, Store,
    SubscriptionRow, WriteCondition,
};

/// How many tasks race, and how often.
const TASKS: u128 = 4;
const ROUNDS: u128 = 8;

/// Of several concurrent callers that enqueue the same delivery, one is first, and the others get a duplicate.
pub async fn one_of_several_enqueues<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let now = stage.now;
    for round in 0..ROUNDS {
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let store = stage.store.clone();
                tokio::spawn(
                    async move { store.enqueue(vec![notification(round, 1)], now).await.unwrap()[0] },
                )
            })
            .collect();
        let mut answers = Vec::new();
        for task in tasks {
            answers.push(task.await.unwrap());
        }
        let duplicate = Ok(Enqueued::Duplicate { state: DeliveryState::Waiting { due: now } });
        assert_eq!(answers.iter().filter(|answer| **answer == Ok(Enqueued::New)).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| **answer == duplicate).count(), answers.len() - 1);
    }
    assert_eq!(
        stage.store.stats(StatsQuery::new(), now).await.unwrap().waiting,
        u64::try_from(ROUNDS).unwrap()
    );
}

/// Of several that enqueue different bodies under one id, one is first, and its body is kept.
pub async fn one_of_several_bodies_is_kept<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let now = stage.now;
    for round in 0..ROUNDS {
        let new = move |task: u128| NewNotification {
            body: format!("{round} {task}").into_bytes().into(),
            ..notification(round, 1)
        };
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let store = stage.store.clone();
                tokio::spawn(async move { store.enqueue(vec![new(task)], now).await.unwrap()[0] })
            })
            .collect();
        let mut first = None;
        for (number, task) in (0..).zip(tasks) {
            match task.await.unwrap() {
                Ok(Enqueued::New) => assert!(first.replace(number).is_none(), "two were first"),
                other => assert_eq!(other, Err(Refused::Conflict { delivery: delivery(round) })),
            }
        }
        let kept = stage.store.body(delivery(round)).await.unwrap();
        assert_eq!(kept, Some(new(first.expect("one was first")).body));
    }
}

/// Batches that name the same deliveries in opposite orders do not block each other.
pub async fn opposite_batches_do_not_block_each_other<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    let now = stage.now;
    for round in 0..ROUNDS {
        let mut batch: Vec<_> =
            (0..20).map(|number| notification(round * 20 + number, 1 + number % 2)).collect();
        let forth = stage.store.clone();
        let back = stage.store.clone();
        let one = tokio::spawn({
            let batch = batch.clone();
            async move { forth.enqueue(batch, now).await }
        });
        batch.reverse();
        let two = tokio::spawn(async move { back.enqueue(batch, now).await });
        let mut answers = one.await.unwrap().unwrap();
        answers.extend(two.await.unwrap().unwrap());
        assert_eq!(answers.iter().filter(|answer| **answer == Ok(Enqueued::New)).count(), 20);
    }
}

/// One with this id and fingerprint.
fn once(number: u128, fingerprint: u128) -> NewNotification {
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(&fingerprint.to_be_bytes());
    let check = RepeatCheck { fingerprint: digest, window: HOUR };
    NewNotification { repeat_check: Some(check), ..notification(number, 1) }
}

/// Enqueues what each task has, all at once, and returns the answers in the order of tasks.
async fn enqueue_at_once<S: Store>(
    store: &S,
    batches: Vec<Vec<NewNotification>>,
    now: UtcDateTime,
) -> Vec<Vec<Result<Enqueued, Refused>>> {
    let start = |batch| {
        let store = store.clone();
        tokio::spawn(async move { store.enqueue(batch, now).await.unwrap() })
    };
    let tasks: Vec<_> = batches.into_iter().map(start).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// Asserts that one of these was new, and all others repeat it.
fn assert_one_is_new(answers: &[Result<Enqueued, Refused>], ids: &[u128]) {
    let new: Vec<usize> = (0..answers.len()).filter(|at| answers[*at] == Ok(Enqueued::New)).collect();
    assert_eq!(new.len(), 1, "{answers:?}");
    let repeat = Err(Refused::Repeat { delivery: delivery(ids[new[0]]) });
    assert_eq!(answers.iter().filter(|answer| **answer == repeat).count(), answers.len() - 1, "{answers:?}");
}

/// Of several concurrent callers that enqueue the same fingerprint under different ids, one is new, and the others repeat it.
pub async fn one_of_several_repeats_is_new<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    for round in 0..ROUNDS {
        let ids: Vec<u128> = (0..TASKS).map(|task| round * TASKS + task).collect();
        let batches = ids.iter().map(|id| vec![once(*id, round)]).collect();
        let answers = enqueue_at_once(&stage.store, batches, stage.now).await;
        assert_one_is_new(&answers.concat(), &ids);
    }
    assert_eq!(
        stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().waiting,
        u64::try_from(ROUNDS).unwrap()
    );
}

/// The same at the moment when the window of an earlier one ends.
pub async fn one_of_several_is_new_when_a_window_ends<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    for round in 0..ROUNDS {
        let ids: Vec<u128> = (0..TASKS).map(|task| round * TASKS + task).collect();
        let batches = ids.iter().map(|id| vec![once(*id, 7)]).collect();
        let now = stage.now + HOUR * u32::try_from(round).unwrap();
        assert_one_is_new(&enqueue_at_once(&stage.store, batches, now).await.concat(), &ids);
    }
}

/// Batches that name the same fingerprints in opposite orders do not block each other, and each is new once.
pub async fn opposite_batches_of_repeats_do_not_block_each_other<H: Harness>(harness: &H) {
    const EACH: u128 = 20;
    let stage = Stage::with(harness, [1]).await;
    for round in 0..ROUNDS {
        let id = move |task: u128, number: u128| (round * 2 + task) * EACH + number;
        let batch = |task| (0..EACH).map(move |number| once(id(task, number), round * EACH + number));
        let batches = vec![batch(0).collect(), batch(1).rev().collect()];
        let answers = enqueue_at_once(&stage.store, batches, stage.now).await;
        for number in 0..20_usize {
            let answers = [answers[0][number], answers[1][19 - number]];
            assert_one_is_new(&answers, &[id(0, number as u128), id(1, number as u128)]);
        }
    }
}

/// Several workers that lease at once get different endpoints, and together all.
pub async fn workers_lease_different_endpoints<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, 1..=12).await;
    stage.enqueue((1..=12).map(|number| notification(number, number))).await;
    let now = stage.now;
    let tasks: Vec<_> = (0..TASKS)
        .map(|by| {
            let store = stage.store.clone();
            tokio::spawn(async move {
                let mut all = Vec::new();
                for _ in 0..100 {
                    let request = LeaseRequest {
                        worker: worker(by),
                        direction: Direction::Outgoing,
                        length: HOUR,
                        limit: 2,
                        only: None,
                    };
                    let leased = store.lease(request, now).await.unwrap();
                    if leased.is_empty() {
                        break;
                    }
                    all.extend(leased);
                }
                all
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    // A worker may have seen nothing only because another one had its hand on it.
    all.extend(stage.lease_any(9).await);
    assert_eq!(endpoints(&all), (1..=12).map(endpoint).collect::<Vec<_>>());
}

/// While some enqueue, a worker sends: everything is sent once, and nothing is left.
pub async fn what_comes_in_goes_out_once<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let now = stage.now;
    stage.enqueue([notification(0, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let store = stage.store.clone();
            tokio::spawn(async move {
                for number in 0..25 {
                    let new = notification(1 + task * 25 + number, 1);
                    assert_eq!(store.enqueue(vec![new], now).await.unwrap(), [Ok(Enqueued::New)]);
                }
            })
        })
        .collect();
    let count = usize::try_from(TASKS * 25 + 1).unwrap();
    let mut sent = Vec::new();
    let mut rounds = 0;
    while sent.len() < count {
        rounds += 1;
        assert!(rounds < 10_000, "only {} of {count} were sent", sent.len());
        let fetch = Fetch { endpoint: endpoint(1), ordered: false, after: None, limit: 7 };
        let fetched = stage.fetch_with(fetch).await.deliveries;
        let begun: Vec<_> = fetched.iter().map(|record| begun(*record, now)).collect();
        let send = begun.iter().map(|record| record.id).collect();
        let batch = Batch { leases: vec![lease], deliveries: begun.clone(), send, ..Batch::default() };
        sent.extend(stage.commit(batch).await.notifications.into_iter().map(|(id, _)| id));
        let batch = Batch {
            leases: vec![lease],
            attempts: begun.iter().map(|record| (endpoint(1), attempt(record, 1, now))).collect(),
            deliveries: begun
                .iter()
                .map(|record| ended(*record, now, gymhook_delivery::End::Delivered))
                .collect(),
            ..Batch::default()
        };
        assert_eq!(stage.commit(batch).await.lost, []);
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.unwrap();
    }
    sent.sort_unstable();
    assert_eq!(sent, (0..).take(count).map(delivery).collect::<Vec<_>>());
    assert_eq!(stage.store.stats(StatsQuery::new(), now).await.unwrap().waiting, 0);
}

/// Of several gyms that claim one id at once, one has it; a change by any of them is that gym's alone, then and later.
pub async fn a_subscription_is_one_gym_s<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let now = stage.now;
    for number in 1..=ROUNDS {
        let of = move |task: u128| SubscriptionRow { gym: format!("gym {task}"), ..subscription(number) };
        let put = |task: u128| {
            let store = stage.store.clone();
            tokio::spawn(async move {
                store.put_subscription(of(task), WriteCondition::SameGym, now).await.unwrap()
            })
        };
        for _ in 0..2 {
            let tasks: Vec<_> = (0..TASKS).map(put).collect();
            let mut written = Vec::new();
            for (task, putting) in (0..).zip(tasks) {
                if putting.await.unwrap() {
                    written.push(of(task));
                }
            }
            assert_eq!(written.len(), 1, "round {number}: {written:?}");
            assert_eq!(stage.store.subscription(endpoint(number)).await, Ok(written.pop()));
        }
    }
}

/// Of several that create one subscription at once, one does, and its row is kept, then and later.
pub async fn one_of_several_creates_a_subscription<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let now = stage.now;
    for number in 1..=ROUNDS {
        let of = move |task: u128| SubscriptionRow {
            settings: format!("{{\"label\":\"of {task}\"}}"),
            ..subscription(number)
        };
        let put = |task: u128| {
            let store = stage.store.clone();
            tokio::spawn(
                async move { store.put_subscription(of(task), WriteCondition::New, now).await.unwrap() },
            )
        };
        let mut written = Vec::new();
        for _ in 0..2 {
            let tasks: Vec<_> = (0..TASKS).map(put).collect();
            for (task, putting) in (0..).zip(tasks) {
                if putting.await.unwrap() {
                    written.push(of(task));
                }
            }
            assert_eq!(written.len(), 1, "round {number}: {written:?}");
            assert_eq!(stage.store.subscription(endpoint(number)).await, Ok(written.first().cloned()));
        }
    }
}

/// Of several that read a subscription, change it and write it back on condition that nobody else has, none loses a change.
pub async fn no_change_is_lost<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let now = stage.now;
    let change = |task: u128| {
        let store = stage.store.clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                loop {
                    let read = store.subscription(endpoint(1)).await.unwrap().unwrap();
                    let settings = format!("{}{task}.{round},", read.settings);
                    let changed = SubscriptionRow { settings, ..read.clone() };
                    let condition = WriteCondition::unchanged(read);
                    if store.put_subscription(changed, condition, now).await.unwrap() {
                        break;
                    }
                }
            }
        })
    };
    for task in (0..TASKS).map(change).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let first = subscription(1).settings;
    let held = stage.store.subscription(endpoint(1)).await.unwrap().unwrap();
    let mut changes: Vec<&str> = held.settings[first.len()..].split_terminator(',').collect();
    changes.sort_unstable();
    let mut expected: Vec<String> =
        (0..TASKS).flat_map(|task| (0..ROUNDS).map(move |round| format!("{task}.{round}"))).collect();
    expected.sort_unstable();
    assert_eq!(changes, expected);
}

/// Of several that read a subscription and then change or delete it, on condition that nobody else has, one does: a deletion
/// takes no change with it.
pub async fn one_of_several_changes_or_deletes<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let now = stage.now;
    for number in 1..=ROUNDS {
        let read = subscription(number);
        stage.subscribe(read.clone()).await;
        let of = |task: u128| match task % 2 {
            0 => SubscriptionRow { settings: format!("{{\"label\":\"of {task}\"}}"), ..read.clone() },
            _ => SubscriptionRow { deleted_at: Some(now), ..read.clone() },
        };
        let act = |task: u128| {
            let (store, read, row) = (stage.store.clone(), read.clone(), of(task));
            tokio::spawn(async move {
                if row.deleted_at.is_some() {
                    let condition = DeleteCondition::unchanged(read);
                    return store.delete_subscription(row.id, condition, now).await.unwrap();
                }
                store.put_subscription(row, WriteCondition::unchanged(read), now).await.unwrap()
            })
        };
        let mut done = Vec::new();
        for (task, acting) in (0..).zip((0..TASKS).map(act).collect::<Vec<_>>()) {
            if acting.await.unwrap() {
                done.push(of(task));
            }
        }
        assert_eq!(done.len(), 1, "round {number}: {done:?}");
        assert_eq!(stage.store.subscription(endpoint(number)).await, Ok(done.pop()));
    }
}
