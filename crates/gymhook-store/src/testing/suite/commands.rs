//! Commands to an endpoint's worker (`command`), and `redeliver`, which commands many redeliveries.

use gymhook_delivery::{DeliveryId, End, EndpointId, Undeliverable};

use super::Harness;
use super::stage::{
    HOUR, MICRO, SECOND, Stage, begun, delivery, ended, endpoint, endpoints, held, notification,
};
use crate::{Batch, Command, Fetch, Redelivery, Store};

async fn commands<H: Harness>(stage: &Stage<'_, H>, endpoint: EndpointId) -> Vec<Command> {
    stage.fetch(endpoint, 0).await.commands.iter().map(|command| command.command).collect()
}

/// Commands are kept for their endpoint, in order.
pub async fn commands_are_kept_in_order<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    let first =
        vec![(endpoint(1), Command::Enable), (endpoint(2), Command::Reload), (endpoint(1), Command::Disable)];
    stage.store.command(first, stage.now).await.unwrap();
    stage.store.command(vec![(endpoint(1), Command::Enable)], stage.now).await.unwrap();
    stage.store.command(Vec::new(), stage.now).await.unwrap();
    let expected = [Command::Enable, Command::Disable, Command::Enable];
    assert_eq!(commands(&stage, endpoint(1)).await, expected);
    assert_eq!(commands(&stage, endpoint(2)).await, [Command::Reload]);
}

/// A command for an unknown endpoint is not an error, and the others are kept.
pub async fn a_command_for_nobody_is_no_error<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let wanted = vec![(endpoint(9), Command::Enable), (endpoint(1), Command::Disable)];
    stage.store.command(wanted, stage.now).await.unwrap();
    assert_eq!(commands(&stage, endpoint(1)).await, [Command::Disable]);
    assert_eq!(endpoints(&stage.lease_any(1).await), [endpoint(1)]);
}

/// A command that is not due is not executed yet.
pub async fn a_command_waits_until_it_is_due<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let due = stage.now + HOUR;
    stage.store.command(vec![(endpoint(1), Command::Disable)], due).await.unwrap();
    stage.store.command(vec![(endpoint(1), Command::Reload)], stage.now).await.unwrap();
    assert_eq!(commands(&stage, endpoint(1)).await, [Command::Reload]);
    let fetch = Fetch { endpoint: endpoint(1), ordered: false, after: None, limit: 0 };
    for (now, count) in [(due - MICRO, 1), (due, 2)] {
        let fetched = stage.store.fetch(vec![fetch], now).await.unwrap();
        assert_eq!(fetched[0].commands.len(), count);
    }
}

/// A command that was executed is never returned again, and later ones have higher numbers.
pub async fn numbers_are_not_used_again<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let mut last = None;
    for _ in 0..3 {
        stage.store.command(vec![(endpoint(1), Command::Enable)], stage.now).await.unwrap();
        let pending = stage.fetch(endpoint(1), 0).await.commands;
        assert_eq!(pending.len(), 1);
        assert!(last.is_none_or(|last| pending[0].number > last));
        last = Some(pending[0].number);
        stage.lease_once(endpoint(1)).await;
    }
}

/// Six deliveries to endpoint 1 that ended one second after the other, each in its own way, and two that did not; one to
/// endpoint 2. The first ended at the stage's beginning.
async fn with_ends<H: Harness>(harness: &H) -> Stage<'_, H> {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue((1..=8).map(|number| notification(number, 1))).await;
    stage.enqueue([notification(9, 2)]).await;
    let ends = [
        End::Undeliverable(Undeliverable::Exhausted),
        End::Delivered,
        End::Cancelled,
        End::Undeliverable(Undeliverable::Gone),
        End::Superseded,
        End::Undeliverable(Undeliverable::Lost),
    ];
    let mut records = vec![begun(stage.record(8).await, stage.now)];
    let mut at = stage.now;
    for (number, end) in (1..).zip(ends) {
        records.push(ended(stage.record(number).await, at, end));
        at += SECOND;
    }
    records.reverse();
    stage.write(1, records).await;
    let other = ended(stage.record(9).await, stage.now, End::Undeliverable(Undeliverable::Gone));
    stage.write(2, vec![other]).await;
    stage
}

async fn redelivered<H: Harness>(stage: &Stage<'_, H>, which: Redelivery) -> Vec<DeliveryId> {
    let count = stage.store.redeliver(which, stage.now).await.unwrap();
    let found: Vec<_> = commands(stage, which.endpoint)
        .await
        .into_iter()
        .map(|command| match command {
            Command::Redeliver(delivery) => delivery,
            Command::Cancel(_) | Command::Disable | Command::Enable | Command::Reload => {
                panic!("{command:?}")
            }
        })
        .collect();
    assert_eq!(found.len() as u64, count, "it says how many");
    stage.lease_once(which.endpoint).await;
    found
}

/// What was given up is redelivered, the first enqueued first, and nothing else.
pub async fn what_was_given_up_is_redelivered<H: Harness>(harness: &H) {
    let stage = with_ends(harness).await;
    let which = Redelivery { endpoint: endpoint(1), from: stage.now, until: None, undeliverable_only: true };
    assert_eq!(redelivered(&stage, which).await, [1, 4, 6].map(delivery));
    assert_eq!(commands(&stage, endpoint(2)).await, []);
}

/// Everything that has ended is redelivered, if that is wanted; what waits or is under way is not.
pub async fn what_has_ended_is_redelivered<H: Harness>(harness: &H) {
    let stage = with_ends(harness).await;
    let which = Redelivery { endpoint: endpoint(1), from: stage.now, until: None, undeliverable_only: false };
    assert_eq!(redelivered(&stage, which).await, [1, 2, 3, 4, 5, 6].map(delivery));
}

/// A range begins with its first moment and ends before its last.
pub async fn a_range_has_its_first_moment_and_not_its_last<H: Harness>(harness: &H) {
    let stage = with_ends(harness).await;
    let range = |from, until, undeliverable_only| Redelivery {
        endpoint: endpoint(1),
        from: stage.now + SECOND * from,
        until: Some(stage.now + SECOND * until),
        undeliverable_only,
    };
    assert_eq!(redelivered(&stage, range(1, 4, false)).await, [2, 3, 4].map(delivery));
    assert_eq!(redelivered(&stage, range(0, 3, true)).await, [1].map(delivery));
    assert_eq!(redelivered(&stage, range(0, 4, true)).await, [1, 4].map(delivery));
    assert_eq!(redelivered(&stage, range(3, 3, false)).await, []);
    assert_eq!(redelivered(&stage, range(4, 3, false)).await, []);
    let late = Redelivery { from: stage.now + 5 * SECOND + MICRO, until: None, ..range(0, 0, false) };
    assert_eq!(redelivered(&stage, late).await, []);
}

/// The commands are due at once, so the endpoint can be leased for them; the deliveries wait for its worker.
pub async fn a_redelivery_is_a_command_to_the_worker<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let over = ended(stage.record(1).await, stage.now, End::Delivered);
    stage.write(1, vec![over]).await;
    assert_eq!(endpoints(&stage.lease_any(1).await), []);
    let which = Redelivery { endpoint: endpoint(1), from: stage.now, until: None, undeliverable_only: false };
    assert_eq!(stage.store.redeliver(which, stage.now).await, Ok(1));
    assert_eq!(stage.record(1).await, over);
    let lease = held(&stage.lease(1, 1).await);
    let pending = stage.fetch(endpoint(1), 0).await.commands;
    assert_eq!((pending.len(), pending[0].delivery), (1, Some(over)));
    let done = vec![(endpoint(1), pending[0].number)];
    stage.commit(Batch { leases: vec![lease], commands: done, ..Batch::default() }).await;
    assert_eq!(commands(&stage, endpoint(1)).await, []);
}

/// An endpoint that is not there has nothing to be redelivered.
pub async fn nobody_has_nothing_to_redeliver<H: Harness>(harness: &H) {
    let stage = with_ends(harness).await;
    let which = Redelivery { endpoint: endpoint(9), from: stage.now, until: None, undeliverable_only: false };
    assert_eq!(stage.store.redeliver(which, stage.now).await, Ok(0));
}

/// A deleted subscription loses its commands, and gets no new ones.
pub async fn a_deleted_endpoint_has_no_commands<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1)]).await;
    let over = ended(stage.record(1).await, stage.now, End::Undeliverable(Undeliverable::Gone));
    stage.write(1, vec![over]).await;
    let command = |number, command| (endpoint(number), command);
    let commands =
        || vec![command(1, Command::Disable), command(2, Command::Disable), command(1, Command::Enable)];
    stage.store.command(commands(), stage.now).await.unwrap();
    stage.store.command(vec![command(1, Command::Enable)], stage.now + HOUR).await.unwrap();
    assert_eq!(stage.fetch(endpoint(1), 0).await.commands.len(), 2);
    assert_eq!(stage.delete_subscription(1).await, Ok(true));
    let late = async |number| {
        let fetch = Fetch { endpoint: endpoint(number), ordered: false, after: None, limit: 0 };
        let fetched = stage.store.fetch(vec![fetch], stage.now + 2 * HOUR).await.unwrap();
        fetched[0].commands.len()
    };
    assert_eq!((late(1).await, late(2).await), (0, 1));
    stage.store.command(commands(), stage.now).await.unwrap();
    let which = Redelivery { endpoint: endpoint(1), from: stage.now, until: None, undeliverable_only: true };
    assert_eq!(stage.store.redeliver(which, stage.now).await, Ok(0));
    assert_eq!((late(1).await, late(2).await), (0, 2));
}
