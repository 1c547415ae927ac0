//! Leases: which endpoints a worker gets, in which order, until when, and what makes an endpoint have work.

use core::time::Duration;

use gymhook_delivery::{End, EndpointId};

use super::Harness;
use super::stage::{
    HOUR, MICRO, SHORT, Stage, begun, disabled, ended, endpoint, endpoints, held, ids, notification,
    subscription, waiting, worker,
};
use crate::Direction;
use crate::{
    Announcement, Batch, Command, LeaseRequest, Leased, NewNotification, Store, SubscriptionRow,
    TargetColumns,
};

/// What is due makes an endpoint worth leasing, and nothing else does.
pub async fn only_what_has_something_to_do_is_leased<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, 1..=4).await;
    let later = NewNotification { not_before: Some(stage.now + HOUR), ..notification(2, 2) };
    stage.enqueue([notification(1, 1), later, notification(3, 3)]).await;
    let over = ended(stage.record(3).await, stage.now, End::Delivered);
    stage.write(3, vec![over]).await;
    assert_eq!(endpoints(&stage.lease_any(1).await), [endpoint(1)]);
}

/// What is due later is leased then.
pub async fn what_becomes_due_is_leased<H: Harness>(harness: &H) {
    let mut stage = Stage::with(harness, [1]).await;
    let due = stage.now + SHORT;
    stage.enqueue([NewNotification { not_before: Some(due), ..notification(1, 1) }]).await;
    stage.wait_until(due).await;
    assert_eq!(endpoints(&stage.lease_any(1).await), [endpoint(1)]);
}

/// A lease comes with the current subscription.
pub async fn a_lease_brings_the_subscription<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let leased = stage.lease(1, 1).await;
    assert_eq!(leased.subscription, subscription(1));
    assert_eq!((leased.in_flight, leased.quarantined), (Vec::new(), 0));
}

/// A lease that has not run out is left alone, by others and by its owner.
pub async fn a_lease_is_left_alone<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    assert_eq!(endpoints(&stage.lease_any(2).await), []);
    assert_eq!(endpoints(&stage.lease_any(1).await), []);
    let named = stage.request(2, vec![endpoint(1)]);
    assert_eq!(endpoints(&stage.store.lease(named, stage.now).await.unwrap()), []);
    let batch = Batch { leases: vec![lease], ..Batch::default() };
    assert_eq!(stage.commit(batch).await.lost, [], "nobody has taken it");
}

/// What comes in and what goes out are leased apart.
pub async fn each_direction_is_leased_by_itself<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.subscribe(SubscriptionRow { target: TargetColumns::Handler, ..subscription(2) }).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let both = || stage.request(1, vec![endpoint(1), endpoint(2)]);
    assert_eq!(endpoints(&stage.store.lease(both(), stage.now).await.unwrap()), [endpoint(1)]);
    assert_eq!(endpoints(&stage.lease_any(1).await), []);
    let any = LeaseRequest { direction: Direction::Incoming, only: None, ..both() };
    let leased = stage.store.lease(any, stage.now).await.unwrap();
    assert_eq!(endpoints(&leased), [endpoint(2)]);
    assert_eq!(leased[0].subscription.direction(), Direction::Incoming);
    stage.release(held(&leased[0])).await;
    let named = LeaseRequest { direction: Direction::Incoming, ..both() };
    assert_eq!(endpoints(&stage.store.lease(named, stage.now).await.unwrap()), [endpoint(2)]);
}

/// A lease runs out after its length, and not a microsecond before.
pub async fn a_lease_runs_out<H: Harness>(harness: &H) {
    let mut stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let request = LeaseRequest { length: SHORT, ..stage.request(1, vec![endpoint(1)]) };
    let first = stage.store.lease(request, stage.now).await.unwrap();
    assert_eq!(endpoints(&first), [endpoint(1)]);

    let end = stage.now + SHORT;
    if harness.set_now(&stage.store, end - MICRO).await {
        stage.now = end - MICRO;
        assert_eq!(endpoints(&stage.lease_any(2).await), []);
    }
    stage.wait_until(end).await;
    let second = stage.lease_any(2).await;
    assert_eq!(endpoints(&second), [endpoint(1)]);
    assert!(second[0].epoch > first[0].epoch);
}

/// The next lease to end is the earliest that another worker holds; what has run out or was given back is none.
pub async fn the_next_end_is_that_of_another_worker<H: Harness>(harness: &H) {
    let mut stage = Stage::with(harness, 1..=3).await;
    stage.enqueue((1..=3).map(|number| notification(number, number))).await;
    let next = async |stage: &Stage<'_, H>, by| {
        let others = stage.store.other_workers(worker(by), Direction::Outgoing, stage.now).await.unwrap();
        others.next_lease_end
    };
    assert_eq!(next(&stage, 1).await, None, "nobody holds anything");

    let short = LeaseRequest { length: SHORT, ..stage.request(1, vec![endpoint(1)]) };
    stage.store.lease(short, stage.now).await.unwrap();
    let long = held(&stage.lease(2, 2).await);
    let (soon, late) = (stage.now + SHORT, stage.now + HOUR);
    assert_eq!(next(&stage, 1).await, Some(late), "its own does not count");
    assert_eq!(next(&stage, 2).await, Some(soon));
    assert_eq!(next(&stage, 3).await, Some(soon), "the earliest counts");
    let incoming = stage.store.other_workers(worker(3), Direction::Incoming, stage.now).await.unwrap();
    assert_eq!(incoming.next_lease_end, None, "the other direction has none");

    stage.wait_until(soon).await;
    assert_eq!(next(&stage, 3).await, Some(late), "one has run out");
    stage.release(long).await;
    assert_eq!(next(&stage, 3).await, None, "the other was given back");
}

/// Each lease of an endpoint has a higher number than all before it, given back or run out.
pub async fn the_number_grows<H: Harness>(harness: &H) {
    let mut stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let mut last = None;
    for round in 0..6 {
        let length = if round % 2 == 0 { SHORT } else { HOUR };
        let request = LeaseRequest { length, ..stage.request(round, vec![endpoint(1)]) };
        let leased = stage.store.lease(request, stage.now).await.unwrap();
        assert_eq!(endpoints(&leased), [endpoint(1)]);
        assert!(last.is_none_or(|last| leased[0].epoch > last), "{last:?} and then {:?}", leased[0].epoch);
        last = Some(leased[0].epoch);
        if length == SHORT {
            stage.wait_until(stage.now + SHORT).await;
        } else {
            stage.release(held(&leased[0])).await;
        }
    }
}

/// Two workers never get the same endpoint, and together they get all.
pub async fn leases_are_disjoint<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, 1..=9).await;
    stage.enqueue((1..=9).map(|number| notification(number, number))).await;
    let mut all: Vec<EndpointId> = Vec::new();
    for by in 0..5 {
        let request = LeaseRequest {
            worker: worker(by),
            direction: Direction::Outgoing,
            length: HOUR,
            limit: 2,
            only: None,
        };
        let leased = stage.store.lease(request, stage.now).await.unwrap();
        assert!(leased.len() <= 2);
        all.extend(endpoints(&leased));
    }
    all.sort_unstable();
    assert_eq!(all, (1..=9).map(endpoint).collect::<Vec<_>>());
}

/// No more than asked for, and only those asked for.
pub async fn a_request_is_kept_to<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, 1..=4).await;
    stage.enqueue((1..=4).map(|number| notification(number, number))).await;
    let lease = async |limit, only: Option<Vec<u128>>| {
        let only = only.map(|numbers| numbers.into_iter().map(endpoint).collect());
        let request =
            LeaseRequest { worker: worker(1), direction: Direction::Outgoing, length: HOUR, limit, only };
        endpoints(&stage.store.lease(request, stage.now).await.unwrap())
    };
    assert_eq!(lease(0, None).await, []);
    assert_eq!(lease(9, Some(Vec::new())).await, []);
    assert_eq!(lease(9, Some(vec![77])).await, []);
    assert_eq!(lease(9, Some(vec![3, 77])).await, [endpoint(3)]);
    assert_eq!(lease(1, Some(vec![2, 4])).await.len(), 1);
    assert_eq!(lease(9, None).await.len(), 2, "the others");
}

/// Naming an endpoint twice leases it once.
pub async fn an_endpoint_named_twice_is_leased_once<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let request = stage.request(1, vec![endpoint(1), endpoint(1)]);
    let leased = stage.store.lease(request, stage.now).await.unwrap();
    assert_eq!(endpoints(&leased), [endpoint(1)]);
    let batch = Batch { leases: vec![held(&leased[0])], ..Batch::default() };
    assert_eq!(stage.commit(batch).await.lost, []);
}

/// Whoever has been without an owner the longest comes first.
pub async fn the_longest_without_an_owner_comes_first<H: Harness>(harness: &H) {
    let mut stage = Stage::with(harness, 1..=3).await;
    stage.enqueue((1..=3).map(|number| notification(number, number))).await;
    // The last one of them is given back first, and so on.
    let mut leased = stage.lease_any(1).await;
    leased.sort_by_key(|leased| leased.subscription.id);
    for one in leased.iter().rev() {
        stage.release(held(one)).await;
        stage.wait_until(stage.now + SHORT).await;
    }
    let mut order = Vec::new();
    for by in 0..3 {
        let request = LeaseRequest {
            worker: worker(by),
            direction: Direction::Outgoing,
            length: HOUR,
            limit: 1,
            only: None,
        };
        order.extend(endpoints(&stage.store.lease(request, stage.now).await.unwrap()));
    }
    assert_eq!(order, [3, 2, 1].map(endpoint));
}

/// What a disabled endpoint has waiting is not worth a lease.
pub async fn a_disabled_endpoint_rests<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    stage.subscribe(SubscriptionRow { record: disabled(1, stage.now), ..subscription(1) }).await;
    stage.subscribe(subscription(2)).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    assert_eq!(endpoints(&stage.lease_any(1).await), [endpoint(2)]);
}

/// An endpoint that its worker disables rests, and is leased again once it is enabled.
pub async fn disabling_and_enabling_count<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    write_endpoint(&stage, stage.lease(1, 1).await, disabled(1, stage.now)).await;
    assert_eq!(endpoints(&stage.lease_any(1).await), []);

    stage.store.command(vec![(endpoint(1), Command::Enable)], stage.now).await.unwrap();
    write_endpoint(&stage, stage.lease(1, 1).await, subscription(1).record).await;
    stage.lease_once(endpoint(1)).await;
    assert_eq!(endpoints(&stage.lease_any(1).await), [endpoint(1)], "its delivery is due");
}

async fn write_endpoint<H: Harness>(
    stage: &Stage<'_, H>,
    leased: Leased,
    record: gymhook_delivery::EndpointRecord,
) {
    let release = vec![endpoint(1)];
    let batch = Batch { leases: vec![held(&leased)], endpoints: vec![record], release, ..Batch::default() };
    assert_eq!(stage.commit(batch).await.lost, []);
}

/// A command wakes a disabled endpoint.
pub async fn a_disabled_endpoint_is_leased_for_commands<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    stage.subscribe(SubscriptionRow { record: disabled(1, stage.now), ..subscription(1) }).await;
    assert_eq!(endpoints(&stage.lease_any(1).await), []);
    stage.store.command(vec![(endpoint(1), Command::Enable)], stage.now).await.unwrap();
    assert_eq!(endpoints(&stage.lease_any(1).await), [endpoint(1)]);
}

/// A disabled endpoint is leased for a test event that is due, and for nothing else that waits.
pub async fn a_disabled_endpoint_is_leased_for_a_test_event<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(0, 1).await);
    let disabled = vec![disabled(1, stage.now)];
    let release = vec![endpoint(1)];
    stage.commit(Batch { leases: vec![lease], endpoints: disabled, release, ..Batch::default() }).await;
    assert_eq!(endpoints(&stage.lease_any(1).await), []);
    let later = Some(stage.now + HOUR);
    stage.enqueue([NewNotification { test: true, not_before: later, ..notification(2, 1) }]).await;
    assert_eq!(endpoints(&stage.lease_any(1).await), [], "it is not due");
    stage.enqueue([NewNotification { test: true, ..notification(3, 1) }]).await;
    let leased = stage.lease_any(1).await;
    assert_eq!(endpoints(&leased), [endpoint(1)]);
    let over = ended(stage.record(3).await, stage.now, End::Delivered);
    let lease = held(&leased[0]);
    let release = vec![endpoint(1)];
    stage.commit(Batch { leases: vec![lease], deliveries: vec![over], release, ..Batch::default() }).await;
    assert_eq!(endpoints(&stage.lease_any(1).await), [], "it is over");
}

/// A command that is not due yet does not cause a lease; once it is due, it does.
pub async fn a_command_is_leased_when_due<H: Harness>(harness: &H) {
    let mut stage = Stage::with(harness, [1]).await;
    let due = stage.now + SHORT;
    stage.store.command(vec![(endpoint(1), Command::Disable)], due).await.unwrap();
    if harness.set_now(&stage.store, due - MICRO).await {
        stage.now = due - MICRO;
        assert_eq!(endpoints(&stage.lease_any(1).await), []);
    }
    stage.wait_until(due).await;
    assert_eq!(endpoints(&stage.lease_any(1).await), [endpoint(1)]);
}

/// What a former owner had under way is passed to the next one, at once, whenever it would have counted as lost.
pub async fn what_was_under_way_is_passed_on<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1), notification(2, 1), notification(3, 1), notification(4, 2)]).await;
    let one = begun(stage.record(1).await, stage.now + HOUR);
    let two = begun(stage.record(2).await, stage.now - HOUR);
    let three = waiting(stage.record(3).await, stage.now + HOUR);
    stage.write(1, vec![one, two, three]).await;

    let mut leased = stage.lease(2, 1).await;
    leased.in_flight.sort_by_key(|record| record.sequence);
    assert_eq!(leased.in_flight, [one, two]);
    assert_eq!(ids(&stage.lease(2, 2).await.in_flight), []);
}

/// That is so at a disabled endpoint, too.
pub async fn a_disabled_endpoint_is_leased_for_what_was_under_way<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    let under_way = begun(stage.record(1).await, stage.now + HOUR);
    let lease = held(&stage.lease(1, 1).await);
    let batch = Batch {
        leases: vec![lease],
        deliveries: vec![under_way],
        endpoints: vec![disabled(1, stage.now)],
        release: vec![lease.endpoint],
        ..Batch::default()
    };
    stage.commit(batch).await;
    let leased = stage.lease_any(2).await;
    assert_eq!(endpoints(&leased), [endpoint(1)]);
    assert_eq!(leased[0].in_flight, [under_way]);
    assert_eq!(leased[0].subscription.record, disabled(1, stage.now));
}

/// Taking over ends every lease at once and forgets what their workers announced, or does nothing and reports that.
pub async fn taking_over_ends_leases_or_does_nothing<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let before = stage.lease_any(1).await;
    let said = Announcement {
        worker: worker(1),
        direction: Direction::Outgoing,
        endpoints: 2,
        wants_more: true,
        looked_at: stage.now,
        counts_until: stage.now + HOUR,
    };
    stage.store.announce(said, stage.now).await.unwrap();
    let done = stage.store.take_over().await.unwrap();
    let others = stage.store.other_workers(worker(2), Direction::Outgoing, stage.now).await.unwrap();
    assert_eq!(others.announcements, if done { Vec::new() } else { vec![said] });
    let after = stage.lease_any(2).await;
    if done {
        assert_eq!(endpoints(&after), [endpoint(1), endpoint(2)]);
        let newest_before = before.iter().map(|leased| leased.epoch).max();
        assert!(after.iter().all(|leased| Some(leased.epoch) > newest_before));
    } else {
        assert_eq!(endpoints(&after), []);
    }
}

/// All clones are the same store.
pub async fn a_clone_is_the_same_store<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let other = stage.store.clone();
    other.enqueue(vec![notification(1, 1)], stage.now).await.unwrap();
    stage.lease(1, 1).await;
    let request = stage.request(2, vec![endpoint(1)]);
    assert_eq!(endpoints(&other.lease(request, stage.now).await.unwrap()), []);
}

/// A lease may be as long as one likes.
pub async fn a_lease_may_last_for_ever<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let request = LeaseRequest { length: Duration::MAX, ..stage.request(1, vec![endpoint(1)]) };
    let leased = stage.store.lease(request, stage.now).await.unwrap();
    assert_eq!(endpoints(&leased), [endpoint(1)]);
    assert_eq!(endpoints(&stage.lease_any(2).await), []);
    let renew = Batch { renew: vec![held(&leased[0])], lease_length: Duration::MAX, ..Batch::default() };
    assert_eq!(stage.commit(renew).await.lost, []);
    assert_eq!(endpoints(&stage.lease_any(2).await), []);
}
