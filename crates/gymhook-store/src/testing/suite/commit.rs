//! Commits: each part of a batch (deliveries, endpoints, attempts, notices, commands, leases) is written, once.

use core::num::NonZeroU32;

use gymhook_delivery::{
    BreakerState, DeliveryRecord, DeliveryState, DisableReason, End, EndpointRecord, EndpointStatus, Then,
    Undeliverable,
};
use gymhook_retry::{AttemptNumber, Fault};

use super::Harness;
use super::stage::{
    HOUR, MICRO, SECOND, SHORT, Stage, attempt, begun, delivery, disabled, ended, endpoint, endpoints, held,
    notification, waiting,
};
use crate::{
    AttemptOutcome, AttemptRow, Batch, Command, LeaseRequest, NewNotification, State, StatsQuery, Store,
    StoredNotification,
};

/// A record comes back as it was written, whatever its state.
pub async fn every_state_comes_back<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    let at = stage.now + MICRO;
    let thens = [Then::Decide, Then::Cancel, Then::Redeliver];
    let whys = [Undeliverable::Exhausted, Undeliverable::Rejected, Undeliverable::Gone, Undeliverable::Lost];
    let ends = whys.map(End::Undeliverable).into_iter();
    let ends = ends.chain([End::Delivered, End::Cancelled, End::Superseded]);
    let states: Vec<DeliveryState> = ends
        .map(|end| DeliveryState::Finished { at, end })
        .chain(thens.map(|then| DeliveryState::InFlight { lost_at: at, then }))
        .chain([DeliveryState::Waiting { due: at }])
        .collect();
    stage.enqueue((1..).zip(&states).map(|(number, _)| notification(number, 1))).await;
    let mut records = Vec::new();
    for (number, state) in (1..).zip(&states) {
        let record = stage.record(number).await;
        records.push(DeliveryRecord {
            round: NonZeroU32::new(2).unwrap(),
            attempt: AttemptNumber::new(3).unwrap(),
            sends: 5,
            first_failure: Some(stage.now - HOUR),
            probe: true,
            state: *state,
            ..record
        });
    }
    stage.write(1, records.clone()).await;
    for (number, record) in (1..).zip(records) {
        assert_eq!(stage.record(number).await, record);
    }
}

/// The log's word for a state follows the record.
pub async fn the_state_follows_the_record<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let record = stage.record(1).await;
    let lease = held(&stage.lease(1, 1).await);
    let steps = [
        (begun(record, stage.now), State::InFlight),
        (waiting(record, stage.now), State::Waiting),
        (ended(record, stage.now, End::Undeliverable(Undeliverable::Gone)), State::Undeliverable),
        (ended(record, stage.now, End::Cancelled), State::Cancelled),
        (ended(record, stage.now, End::Superseded), State::Cancelled),
        (ended(record, stage.now, End::Delivered), State::Delivered),
    ];
    for (record, state) in steps {
        let batch = Batch { leases: vec![lease], deliveries: vec![record], ..Batch::default() };
        stage.commit(batch).await;
        assert_eq!((stage.row(1).await.state, stage.record(1).await), (state, record));
    }
}

/// An endpoint's record comes back as it was written.
pub async fn an_endpoints_record_comes_back<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let reasons = [
        DisableReason::ByHand,
        DisableReason::Gone,
        DisableReason::FailedInARow { deliveries: u32::MAX },
        DisableReason::FailingFor { span: 24 * HOUR },
    ];
    let statuses = reasons.map(|reason| EndpointStatus::Disabled { reason, since: stage.now });
    let breakers = [
        BreakerState::Closed { failed: 3 },
        BreakerState::Open { until: stage.now + HOUR, probes_failed: 1 },
        BreakerState::HalfOpen { probes_failed: 2 },
    ];
    for status in statuses.into_iter().chain([EndpointStatus::Enabled]) {
        for breaker in breakers {
            let record = EndpointRecord {
                id: endpoint(1),
                status,
                breaker,
                allowance: 17,
                held_until: Some(stage.now + MICRO),
                bucket_full_at: Some(stage.now + SECOND),
                failed_in_a_row: 4,
                failing_since: Some(stage.now - HOUR),
                warnings: 2,
            };
            let batch = Batch { leases: vec![lease], endpoints: vec![record], ..Batch::default() };
            stage.commit(batch).await;
            assert_eq!(stage.endpoint_record(1).await, record);
        }
    }
}

/// Of several records of one delivery or one endpoint the last counts.
pub async fn only_the_last_record_counts<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    let (one, two) = (stage.record(1).await, stage.record(2).await);
    let lease = held(&stage.lease(1, 1).await);
    let last = waiting(DeliveryRecord { sends: 1, ..one }, stage.now + HOUR);
    let enabled = EndpointRecord { allowance: 3, ..EndpointRecord::new(endpoint(1)) };
    let batch = Batch {
        leases: vec![lease],
        deliveries: vec![
            ended(one, stage.now, End::Delivered),
            begun(two, stage.now),
            begun(one, stage.now),
            last,
        ],
        endpoints: vec![disabled(1, stage.now), enabled],
        ..Batch::default()
    };
    stage.commit(batch).await;
    assert_eq!((stage.record(1).await, stage.row(1).await.state), (last, State::Waiting));
    assert_eq!(stage.record(2).await, begun(two, stage.now));
    assert_eq!(stage.endpoint_record(1).await, enabled);
}

/// A record of a delivery that is not there writes nothing.
pub async fn a_record_makes_no_delivery<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let record = stage.record(1).await;
    let ghost = DeliveryRecord { id: delivery(2), sequence: record.sequence + 1_000, ..record };
    let batch = Batch {
        leases: vec![held(&stage.lease(1, 1).await)],
        deliveries: vec![ghost],
        attempts: vec![(endpoint(1), attempt(&ghost, 1, stage.now))],
        ..Batch::default()
    };
    assert_eq!(stage.commit(batch).await.lost, []);
    assert_eq!(stage.store.delivery(delivery(2)).await, Ok(None));
    assert_eq!(stage.store.stats(StatsQuery::new(), stage.now).await.unwrap().waiting, 1);
    assert_eq!(stage.record(1).await, record);
}

/// What is about to be sent comes back: what was asked for, and no more.
pub async fn what_is_sent_comes_back<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1), notification(2, 1), notification(3, 2)]).await;
    let mut records = Vec::new();
    for number in 1..=3 {
        records.push(begun(stage.record(number).await, stage.now + HOUR));
    }
    let leases = vec![held(&stage.lease(1, 1).await), held(&stage.lease(1, 2).await)];
    let send = vec![delivery(3), delivery(1)];
    let batch = Batch { leases, deliveries: records, send, ..Batch::default() };
    let mut sent = stage.commit(batch).await.notifications;
    sent.sort_by_key(|(id, _)| *id);
    let expected = [notification(1, 1), notification(3, 2)].map(|new| {
        let NewNotification { id, event_type, body, origin, .. } = new;
        (id, Some(StoredNotification { event_type, body, origin, enqueued_at: stage.now }))
    });
    assert_eq!(sent, expected);
}

/// Attempts are logged with all they say, in their order.
pub async fn attempts_are_logged<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    let (one, two) = (stage.record(1).await, stage.record(2).await);
    let lost = AttemptRow {
        round: NonZeroU32::new(2).unwrap(),
        number: 1,
        began: None,
        outcome: AttemptOutcome::Lost,
        status: None,
        captured: None,
        detail: Some("its worker is gone".to_owned()),
        ..attempt(&one, 3, stage.now - SECOND)
    };
    let rows = [attempt(&one, 1, stage.now - HOUR), attempt(&one, 2, stage.now), lost];
    let [first, second, third] = rows.clone().map(|row| (endpoint(1), row));
    let lease = held(&stage.lease(1, 1).await);
    let other = (endpoint(1), attempt(&two, 1, stage.now));
    for attempts in [vec![second, other.clone()], vec![third, first]] {
        stage.commit(Batch { leases: vec![lease], attempts, ..Batch::default() }).await;
    }
    assert_eq!(stage.attempts(delivery(1)).await, Ok(rows.to_vec()));
    assert_eq!(stage.attempts(delivery(2)).await, Ok(vec![other.1]));
}

/// An attempt's outcome comes back, whichever it is.
pub async fn every_outcome_comes_back<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let record = stage.record(1).await;
    let others =
        [AttemptOutcome::Response, AttemptOutcome::Internal, AttemptOutcome::Panicked, AttemptOutcome::Lost];
    let outcomes = others.into_iter().chain(Fault::ALL.into_iter().map(AttemptOutcome::Fault));
    let rows = (1..).zip(outcomes);
    let rows = rows.map(|(send, outcome)| AttemptRow { outcome, ..attempt(&record, send, stage.now) });
    let rows: Vec<AttemptRow> = rows.collect();
    let lease = held(&stage.lease(1, 1).await);
    let attempts = rows.iter().map(|row| (endpoint(1), row.clone())).collect();
    stage.commit(Batch { leases: vec![lease], attempts, ..Batch::default() }).await;
    assert_eq!(stage.attempts(delivery(1)).await, Ok(rows));
}

/// A batch may be repeated, because its first answer was lost: nothing is written twice.
pub async fn a_batch_may_be_repeated<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    stage.store.command(vec![(endpoint(1), Command::Disable)], stage.now).await.unwrap();
    let over = ended(stage.record(1).await, stage.now, End::Delivered);
    let next = begun(stage.record(2).await, stage.now + HOUR);
    let lease = held(&stage.lease(1, 1).await);
    let command = stage.fetch(endpoint(1), 0).await.commands[0].number;
    let logged = attempt(&over, 1, stage.now);
    let batch = Batch {
        leases: vec![lease],
        deliveries: vec![over, next],
        endpoints: vec![disabled(1, stage.now)],
        attempts: vec![(endpoint(1), logged.clone()), (endpoint(1), logged.clone())],
        commands: vec![(endpoint(1), command), (endpoint(1), command)],
        renew: vec![lease],
        lease_length: HOUR,
        send: vec![delivery(2)],
        ..Batch::default()
    };
    let mut answers = Vec::new();
    for _ in 0..3 {
        let committed = stage.commit(batch.clone()).await;
        assert_eq!(committed.lost, []);
        answers.push(committed.notifications);
        assert_eq!((stage.record(1).await, stage.record(2).await), (over, next));
        assert_eq!(stage.endpoint_record(1).await, disabled(1, stage.now));
        assert_eq!(stage.attempts(delivery(1)).await, Ok(vec![logged.clone()]));
        assert_eq!(stage.fetch(endpoint(1), 0).await.commands, []);
    }
    assert_eq!(answers[0].len(), 1);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "the notification comes back each time");
    assert_eq!(endpoints(&stage.lease_any(2).await), []);
}

/// Executed commands are removed, and no others.
pub async fn commands_are_struck_off<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    let commands = vec![
        (endpoint(1), Command::Disable),
        (endpoint(2), Command::Disable),
        (endpoint(1), Command::Enable),
        (endpoint(1), Command::Reload),
    ];
    stage.store.command(commands, stage.now).await.unwrap();
    let lease = held(&stage.lease(1, 1).await);
    let pending = stage.fetch(endpoint(1), 0).await.commands;
    let commands = vec![(endpoint(1), pending[0].number), (endpoint(1), pending[2].number)];
    stage.commit(Batch { leases: vec![lease], commands, ..Batch::default() }).await;
    assert_eq!(stage.fetch(endpoint(1), 0).await.commands, [pending[1]]);
    assert_eq!(stage.fetch(endpoint(2), 0).await.commands.len(), 1);
}

/// A renewed lease lasts its length from then.
pub async fn a_renewed_lease_lasts<H: Harness>(harness: &H) {
    let mut stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let request = LeaseRequest { length: SHORT, ..stage.request(1, vec![endpoint(1)]) };
    let lease = held(&stage.store.lease(request, stage.now).await.unwrap()[0]);
    let renew = Batch { renew: vec![lease], lease_length: HOUR, ..Batch::default() };
    assert!(!renew.is_empty());
    assert_eq!(stage.commit(renew).await.lost, []);
    stage.wait_until(stage.now + 2 * SHORT).await;
    assert_eq!(endpoints(&stage.lease_any(2).await), []);

    let renew = Batch { leases: vec![lease], renew: vec![lease], lease_length: SHORT, ..Batch::default() };
    assert_eq!(stage.commit(renew).await.lost, []);
    let end = stage.now + SHORT;
    if harness.set_now(&stage.store, end - MICRO).await {
        stage.now = end - MICRO;
        assert_eq!(endpoints(&stage.lease_any(2).await), []);
    }
    stage.wait_until(end).await;
    let taken = stage.lease_any(2).await;
    assert_eq!(endpoints(&taken), [endpoint(1)]);
    assert!(taken[0].epoch > lease.epoch);
}

/// A commit alone renews nothing.
pub async fn a_commit_renews_nothing_by_itself<H: Harness>(harness: &H) {
    let mut stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let request = LeaseRequest { length: SHORT, ..stage.request(1, vec![endpoint(1)]) };
    let lease = held(&stage.store.lease(request, stage.now).await.unwrap()[0]);
    stage.commit(Batch { leases: vec![lease], lease_length: HOUR, ..Batch::default() }).await;
    stage.wait_until(stage.now + SHORT).await;
    assert_eq!(endpoints(&stage.lease_any(2).await), [endpoint(1)]);
}

/// A lease that was given back is free at once, though it had long to go; the batch it came with is written.
pub async fn a_lease_given_back_is_free<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue([notification(1, 1), notification(2, 2)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let other = held(&stage.lease(1, 2).await);
    let record = waiting(DeliveryRecord { sends: 1, ..stage.record(1).await }, stage.now);
    let batch = Batch {
        leases: vec![lease, other],
        deliveries: vec![record],
        release: vec![endpoint(1)],
        ..Batch::default()
    };
    assert_eq!(stage.commit(batch).await.lost, []);
    assert_eq!(stage.record(1).await, record);
    assert_eq!(endpoints(&stage.lease_any(2).await), [endpoint(1)]);
}

/// Nothing to do is nothing done.
pub async fn an_empty_batch_is_nothing<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let before = stage.row(1).await;
    assert!(Batch::default().is_empty());
    let committed = stage.commit(Batch::default()).await;
    assert_eq!((committed.lost, committed.notifications), (Vec::new(), Vec::new()));
    assert_eq!(stage.row(1).await, before);
}

/// What an endpoint answers can be any text. A NUL may come back as another character, for not every database has one;
/// it is not allowed to hold up the batch.
pub async fn a_captured_nul_holds_nothing_up<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1]).await;
    stage.enqueue([notification(1, 1)]).await;
    let over = ended(stage.record(1).await, stage.now, End::Delivered);
    let text = Some("a\0b\u{FFFF}".to_owned());
    let logged = AttemptRow { captured: text.clone(), detail: text, ..attempt(&over, 1, stage.now) };
    let batch = Batch {
        leases: vec![held(&stage.lease(1, 1).await)],
        deliveries: vec![over],
        attempts: vec![(endpoint(1), logged)],
        ..Batch::default()
    };
    assert_eq!(stage.commit(batch).await.lost, []);
    assert_eq!(stage.record(1).await, over);
    let attempts = stage.attempts(delivery(1)).await.unwrap();
    assert_eq!(attempts.len(), 1);
    for text in [&attempts[0].captured, &attempts[0].detail] {
        let text = text.as_deref().expect("there was a text");
        assert!(text.starts_with('a') && text.ends_with("b\u{FFFF}"), "{text:?}");
    }
}
