//! Fences: a worker that has lost a lease, or never had it, changes nothing.

use gymhook_delivery::{End, LeaseEpoch};

use super::Harness;
use super::stage::{
    HOUR, SHORT, Stage, attempt, begun, delivery, disabled, ended, endpoint, endpoints, held, notification,
    stale,
};
use crate::{Batch, Command, Lease, LeaseRequest, Store};

/// A batch that does everything that can be done to an endpoint, of whose delivery `number` an attempt is to begin.
async fn everything<H: Harness>(stage: &Stage<'_, H>, lease: Lease, number: u128) -> Batch {
    let record = begun(stage.record(number).await, stage.now + HOUR);
    let commands = stage.fetch(lease.endpoint, 0).await.commands;
    Batch {
        leases: vec![lease],
        deliveries: vec![record],
        endpoints: vec![gymhook_delivery::EndpointRecord { id: lease.endpoint, ..disabled(1, stage.now) }],
        attempts: vec![(lease.endpoint, attempt(&record, 1, stage.now))],
        commands: commands.iter().map(|command| (lease.endpoint, command.number)).collect(),
        send: vec![delivery(number)],
        ..Batch::default()
    }
}

/// A batch under a lease that has gone to somebody else changes nothing at all, and is told so.
pub async fn who_has_lost_the_lease_changes_nothing<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    stage.store.command(vec![(endpoint(1), Command::Disable)], stage.now).await.unwrap();
    let old = held(&stage.lease(1, 1).await);
    stage.release(old).await;
    let new = held(&stage.lease(2, 1).await);
    let before =
        (stage.row(1).await, stage.endpoint_record(1).await, stage.fetch(endpoint(1), 9).await.commands);
    assert_eq!(before.2.len(), 1);

    let late = Batch { release: vec![endpoint(1)], ..everything(&stage, old, 1).await };
    let committed = stage.commit(late).await;
    assert_eq!(committed.lost, [endpoint(1)]);
    assert_eq!(committed.notifications, [], "nothing is to be sent");
    assert_eq!(stage.row(1).await, before.0);
    assert_eq!(stage.endpoint_record(1).await, before.1);
    assert_eq!(stage.fetch(endpoint(1), 9).await.commands, before.2);
    assert_eq!(stage.attempts(delivery(1)).await, Ok(Vec::new()));
    assert_eq!(endpoints(&stage.lease_any(3).await), [], "the new owner's lease was not given back");
    let batch = Batch { leases: vec![new], ..Batch::default() };
    assert_eq!(stage.commit(batch).await.lost, []);
}

/// A lease covers the deliveries of its endpoint, whatever endpoint a record says that it is of.
pub async fn a_lease_writes_nothing_about_another_endpoints_delivery<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let lease = held(&stage.lease(1, 2).await);
    let before = stage.row(1).await;
    let theirs = stage.record(1).await;
    let forged = ended(
        gymhook_delivery::DeliveryRecord { endpoint: endpoint(2), ..theirs },
        stage.now,
        End::Delivered,
    );
    let batch = Batch {
        leases: vec![lease],
        deliveries: vec![forged],
        attempts: vec![(endpoint(2), attempt(&forged, 1, stage.now))],
        ..Batch::default()
    };
    assert_eq!(stage.commit(batch).await.lost, []);
    assert_eq!(stage.row(1).await, before);
    assert_eq!(stage.attempts(delivery(1)).await, Ok(Vec::new()));
}

/// A batch that names two leases on one endpoint has lost one of them, whichever comes last: nothing is written for it.
pub async fn two_leases_on_one_endpoint_write_nothing<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let old = held(&stage.lease(1, 1).await);
    stage.release(old).await;
    let new = held(&stage.lease(1, 1).await);
    let before = (stage.row(1).await, stage.endpoint_record(1).await);
    for leases in [vec![old, new], vec![new, old]] {
        let batch = Batch { leases, ..everything(&stage, new, 1).await };
        let committed = stage.commit(batch).await;
        assert_eq!((committed.lost, committed.notifications), (vec![endpoint(1)], Vec::new()));
        let batch = Batch { leases: vec![old], renew: vec![new], ..everything(&stage, new, 1).await };
        assert_eq!(stage.commit(batch).await.lost, [endpoint(1)]);
        assert_eq!((stage.row(1).await, stage.endpoint_record(1).await), before);
    }
}

/// What the batch says of its other endpoints is written.
pub async fn the_other_endpoints_are_written<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let commands = vec![(endpoint(1), Command::Disable), (endpoint(2), Command::Disable)];
    stage.store.command(commands, stage.now).await.unwrap();
    let old = stale(held(&stage.lease(1, 1).await));
    let good = held(&stage.lease(1, 2).await);
    let mut batch = everything(&stage, old, 1).await;
    let rest = everything(&stage, good, 2).await;
    batch.leases.extend(rest.leases);
    batch.deliveries.extend(rest.deliveries);
    batch.endpoints.extend(rest.endpoints);
    batch.attempts.extend(rest.attempts);
    batch.commands.extend(rest.commands);
    batch.send.extend(rest.send);
    batch.release = vec![endpoint(1), endpoint(2)];
    let records = batch.deliveries.clone();

    let before = stage.row(1).await;
    let committed = stage.commit(batch).await;
    assert_eq!(committed.lost, [endpoint(1)]);
    let sent: Vec<_> = committed.notifications.iter().map(|(id, _)| *id).collect();
    assert_eq!(sent, [delivery(2)]);
    assert_eq!(committed.notifications[0].1.as_ref().map(|sent| &sent.body), Some(&notification(2, 2).body));
    assert_eq!(stage.row(1).await, before);
    assert_eq!(stage.record(2).await, records[1]);
    assert_eq!(stage.endpoint_record(1).await, super::stage::subscription(1).record);
    assert_eq!(stage.endpoint_record(2).await, disabled(2, stage.now));
    assert_eq!(stage.attempts(delivery(1)).await.unwrap().len(), 0);
    assert_eq!(stage.attempts(delivery(2)).await.unwrap().len(), 1);
    assert_eq!(stage.fetch(endpoint(1), 0).await.commands.len(), 1);
    assert_eq!(stage.fetch(endpoint(2), 0).await.commands.len(), 0);
    assert_eq!(
        endpoints(&stage.lease_any(2).await),
        [endpoint(2)],
        "it has an attempt under way and no owner"
    );
}

/// A lease of a higher number than any that was given is nobody's.
pub async fn a_lease_that_was_never_given_writes_nothing<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let before = stage.row(1).await;
    for number in [lease.epoch.get() + 1, u64::MAX, 0] {
        let forged = Lease { epoch: LeaseEpoch::new(number), ..lease };
        let committed = stage.commit(everything(&stage, forged, 1).await).await;
        assert_eq!((committed.lost, committed.notifications), (vec![endpoint(1)], Vec::new()));
    }
    let unknown = Lease { endpoint: endpoint(9), ..lease };
    let batch = Batch { leases: vec![unknown], ..Batch::default() };
    assert_eq!(stage.commit(batch).await.lost, [endpoint(9)]);
    assert_eq!(stage.row(1).await, before);
}

/// What no lease of the batch covers is not written.
pub async fn what_no_lease_covers_is_not_written<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    stage.store.command(vec![(endpoint(2), Command::Disable)], stage.now).await.unwrap();
    let lease = held(&stage.lease(1, 1).await);
    let other = held(&stage.lease(2, 2).await);
    let before = stage.row(2).await;
    let uncovered = everything(&stage, other, 2).await;
    let batch = Batch { leases: vec![lease], release: vec![endpoint(2)], ..uncovered };
    let committed = stage.commit(batch).await;
    assert_eq!(committed.notifications, []);
    assert_eq!(stage.row(2).await, before);
    assert_eq!(stage.endpoint_record(2).await, super::stage::subscription(2).record);
    assert_eq!(stage.attempts(delivery(2)).await, Ok(Vec::new()));
    assert_eq!(stage.fetch(endpoint(2), 0).await.commands.len(), 1);
    assert_eq!(endpoints(&stage.lease_any(3).await), []);
}

/// A lease that has run out, but that nobody has taken, still writes: nobody has seen anything else.
pub async fn a_lease_that_ran_out_and_was_not_taken_still_writes<H: Harness>(harness: &H) {
    let mut stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let request = LeaseRequest { length: SHORT, ..stage.request(1, vec![endpoint(1)]) };
    let leased = stage.store.lease(request, stage.now).await.unwrap();
    stage.wait_until(stage.now + SHORT).await;
    let over = ended(stage.record(1).await, stage.now, End::Delivered);
    let batch = Batch { leases: vec![held(&leased[0])], deliveries: vec![over], ..Batch::default() };
    assert_eq!(stage.commit(batch).await.lost, []);
    assert_eq!(stage.row(1).await.state, crate::State::Delivered);
}

/// Nor does a worker that another one has overtaken keep anything: the last thing that the new owner wrote stays.
pub async fn the_new_owner_is_not_overwritten<H: Harness>(harness: &H) {
    let mut stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let request = LeaseRequest { length: SHORT, ..stage.request(1, vec![endpoint(1)]) };
    let old = held(&stage.store.lease(request, stage.now).await.unwrap()[0]);
    let record = stage.record(1).await;
    stage.wait_until(stage.now + SHORT).await;
    let new = held(&stage.lease(2, 1).await);
    let delivered = ended(record, stage.now, End::Delivered);
    let batch = Batch { leases: vec![new], deliveries: vec![delivered], ..Batch::default() };
    stage.commit(batch).await;

    let late = Batch { leases: vec![old], deliveries: vec![begun(record, stage.now)], ..Batch::default() };
    assert_eq!(stage.commit(late).await.lost, [endpoint(1)]);
    assert_eq!(stage.record(1).await, delivered);
}

/// A lease that was lost is not renewed.
pub async fn a_lost_lease_is_not_renewed<H: Harness>(harness: &H) {
    let mut stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let old = held(&stage.lease(1, 1).await);
    stage.release(old).await;
    let request = LeaseRequest { length: SHORT, ..stage.request(2, vec![endpoint(1), endpoint(2)]) };
    let leased = stage.store.lease(request, stage.now).await.unwrap();
    let good = leased.iter().map(held).find(|lease| lease.endpoint == endpoint(2)).unwrap();
    let batch = Batch { renew: vec![old, good], lease_length: HOUR, ..Batch::default() };
    assert_eq!(stage.commit(batch).await.lost, [endpoint(1)]);
    stage.wait_until(stage.now + SHORT).await;
    assert_eq!(endpoints(&stage.lease_any(3).await), [endpoint(1)], "only the other one was renewed");
}

/// Nothing is written for a subscription that was deleted meanwhile, and its worker is told.
pub async fn a_deleted_endpoint_is_lost<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let batch = everything(&stage, lease, 1).await;
    let before = stage.row(1).await;
    assert_eq!(stage.delete_subscription(1).await, Ok(true));
    let committed = stage.commit(batch).await;
    assert_eq!((committed.lost, committed.notifications), (vec![endpoint(1)], Vec::new()));
    assert_eq!(stage.row(1).await, before);
    let batch = Batch { renew: vec![lease], lease_length: HOUR, ..Batch::default() };
    assert_eq!(stage.commit(batch).await.lost, [endpoint(1)]);
}

/// An endpoint is told as lost once, though its lease was to be written under and renewed.
pub async fn a_loss_is_told_once<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let old = stale(held(&stage.lease(1, 1).await));
    let batch = Batch { leases: vec![old], renew: vec![old], lease_length: HOUR, ..Batch::default() };
    assert_eq!(stage.commit(batch).await.lost, [endpoint(1)]);
}

/// A lease strikes off the commands of its endpoint, whatever endpoint a batch says that they are of.
pub async fn a_lease_strikes_off_no_command_of_another_endpoint<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    let commands = vec![(endpoint(1), Command::Disable), (endpoint(2), Command::Disable)];
    stage.store.command(commands, stage.now).await.unwrap();
    let lease = held(&stage.lease(1, 2).await);
    let theirs = stage.fetch(endpoint(1), 0).await.commands;
    let own = stage.fetch(endpoint(2), 0).await.commands;
    let commands = theirs.iter().chain(&own).map(|command| (endpoint(2), command.number)).collect();
    let batch = Batch { leases: vec![lease], commands, ..Batch::default() };
    assert_eq!(stage.commit(batch).await.lost, []);
    assert_eq!(stage.fetch(endpoint(1), 0).await.commands, theirs);
    assert_eq!(stage.fetch(endpoint(2), 0).await.commands, []);
}
