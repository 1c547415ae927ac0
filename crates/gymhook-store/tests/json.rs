//! Rows as JSON, as a person would write them down: names, words and times are what services and their users rely on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::num::NonZeroU32;
use core::time::Duration;

use gymhook_delivery::{
    BodyDigest, BreakerState, DeliveryId, DeliveryRecord, DeliveryState, DisableReason, End, EndpointId,
    EndpointRecord, EndpointStatus, LeaseEpoch, Then, Undeliverable,
};
use gymhook_retry::{AttemptNumber, Fault};
use gymhook_store::{
    AttemptOutcome, AttemptRow, DeliveryRow, EndpointStats, LeaseHolder, Page, State, Stats, SubscriptionRow,
    TargetColumns, WorkerId,
};
use serde::Serialize;
use time::UtcDateTime;
use time::macros::utc_datetime;
use uuid::Uuid;

const NOON: UtcDateTime = utc_datetime!(2026-01-01 12:00);

/// The text and not the value: the order of the fields is that of the documentation.
fn assert_is(row: &impl Serialize, written: &str) {
    let expected: String = written.lines().map(str::trim_start).collect();
    assert_eq!(serde_json::to_string(row).unwrap(), expected);
}

fn subscription() -> SubscriptionRow {
    SubscriptionRow {
        id: EndpointId::from_u128(1),
        gym: "berlin-mitte".to_owned(),
        platform: "point".to_owned(),
        target: TargetColumns::Http {
            url: "https://receiver.example/?token=canary".to_owned(),
            secrets: b"canary".to_vec(),
        },
        settings: r#"{"urls":{"x":"https://receiver.example/?token=canary"}}"#.to_owned(),
        record: EndpointRecord::new(EndpointId::from_u128(1)),
        deleted_at: None,
    }
}

fn delivery(record: Option<DeliveryRecord>, state: State) -> DeliveryRow {
    DeliveryRow {
        record,
        id: DeliveryId::from_u128(7),
        endpoint: EndpointId::from_u128(1),
        gym: "berlin-mitte".to_owned(),
        platform: "point".to_owned(),
        sequence: 12,
        state,
        event_type: "workout.created".to_owned(),
        enqueued_at: NOON,
        origin: Some(r#"{"canary":true}"#.to_owned()),
    }
}

fn record(state: DeliveryState) -> DeliveryRecord {
    let (id, endpoint) = (DeliveryId::from_u128(7), EndpointId::from_u128(1));
    DeliveryRecord {
        round: NonZeroU32::new(2).unwrap(),
        attempt: AttemptNumber::new(3).unwrap(),
        sends: 9,
        state,
        ..DeliveryRecord::new(id, endpoint, BodyDigest::new([1; 32]), 12, NOON)
    }
}

#[test]
fn a_subscription() {
    assert_is(
        &subscription(),
        r#"{"id":"00000000-0000-0000-0000-000000000001","direction":"outgoing","gym":"berlin-mitte","platform":"point",
           "endpoint":{"status":"enabled","disabled_since":null,"disable_reason":null,"breaker":"closed",
           "failed_in_a_row":0,"failing_since":null,"held_until":null},"deleted_at":null}"#,
    );
    let status =
        EndpointStatus::Disabled { reason: DisableReason::FailedInARow { deliveries: 10 }, since: NOON };
    let record = EndpointRecord {
        status,
        breaker: BreakerState::Open { until: NOON, probes_failed: 1 },
        failed_in_a_row: 10,
        failing_since: Some(utc_datetime!(2025-12-31 23:59:59.000_001)),
        held_until: Some(NOON),
        ..subscription().record
    };
    let incoming = SubscriptionRow {
        target: TargetColumns::Handler,
        gym: String::new(),
        platform: "inbox".to_owned(),
        record,
        deleted_at: Some(utc_datetime!(2026-02-01 0:00)),
        ..subscription()
    };
    assert_is(
        &incoming,
        r#"{"id":"00000000-0000-0000-0000-000000000001","direction":"incoming","gym":"","platform":"inbox",
           "endpoint":{"status":"disabled","disabled_since":"2026-01-01T12:00:00Z",
           "disable_reason":{"failed-in-a-row":{"deliveries":10}},"breaker":"open",
           "failed_in_a_row":10,"failing_since":"2025-12-31T23:59:59.000001Z","held_until":"2026-01-01T12:00:00Z"},
           "deleted_at":"2026-02-01T00:00:00Z"}"#,
    );
}

#[test]
fn why_an_endpoint_is_disabled() {
    let reasons = [
        (DisableReason::ByHand, r#""by-hand""#),
        (DisableReason::Gone, r#""gone""#),
        (DisableReason::FailedInARow { deliveries: 10 }, r#"{"failed-in-a-row":{"deliveries":10}}"#),
        (
            DisableReason::FailingFor { span: Duration::from_secs(3_600) },
            r#"{"failing-for":{"span":{"secs":3600,"nanos":0}}}"#,
        ),
    ];
    for (reason, expected) in reasons {
        let status = EndpointStatus::Disabled { reason, since: NOON };
        let row =
            SubscriptionRow { record: EndpointRecord { status, ..subscription().record }, ..subscription() };
        let json = serde_json::to_value(&row).unwrap();
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        assert_eq!(json["endpoint"]["disable_reason"], expected);
    }
}

/// A canary is wherever a secret may be: in the secrets, in a URL's query, in what the engine alone reads.
#[test]
fn no_secret_is_in_any_row() {
    let rows = [
        serde_json::to_string(&subscription()).unwrap(),
        serde_json::to_string(&delivery(None, State::Unreadable)).unwrap(),
        format!("{:?}", subscription()),
    ];
    for row in rows {
        assert!(!row.contains("canary"), "{row}");
        // Bytes as numbers, too.
        assert!(!row.contains("99,97,110") && !row.contains("99, 97, 110"), "{row}");
    }
}

#[test]
fn a_delivery() {
    assert_is(
        &delivery(
            Some(record(DeliveryState::Waiting { due: utc_datetime!(2026-01-01 12:00:30.5) })),
            State::Waiting,
        ),
        r#"{"id":"00000000-0000-0000-0000-000000000007","endpoint":"00000000-0000-0000-0000-000000000001",
           "gym":"berlin-mitte","platform":"point","sequence":12,"state":"waiting","reason":null,
           "event_type":"workout.created","enqueued_at":"2026-01-01T12:00:00Z","due_at":"2026-01-01T12:00:30.5Z",
           "ended_at":null,"test":false,"round":2,"attempt":3,"sends":9}"#,
    );
    let end = End::Undeliverable(Undeliverable::Exhausted);
    assert_is(
        &delivery(Some(record(DeliveryState::Finished { at: NOON, end })), State::Undeliverable),
        r#"{"id":"00000000-0000-0000-0000-000000000007","endpoint":"00000000-0000-0000-0000-000000000001",
           "gym":"berlin-mitte","platform":"point","sequence":12,"state":"undeliverable","reason":"exhausted",
           "event_type":"workout.created","enqueued_at":"2026-01-01T12:00:00Z","due_at":null,
           "ended_at":"2026-01-01T12:00:00Z","test":false,"round":2,"attempt":3,"sends":9}"#,
    );
    assert_is(
        &delivery(None, State::Quarantined),
        r#"{"id":"00000000-0000-0000-0000-000000000007","endpoint":"00000000-0000-0000-0000-000000000001",
           "gym":"berlin-mitte","platform":"point","sequence":12,"state":"quarantined","reason":null,
           "event_type":"workout.created","enqueued_at":"2026-01-01T12:00:00Z","due_at":null,
           "ended_at":null,"test":null,"round":null,"attempt":null,"sends":null}"#,
    );
}

#[test]
fn the_state_of_a_delivery_and_why_it_ended() {
    let finished = |end| DeliveryState::Finished { at: NOON, end };
    let in_flight = DeliveryState::InFlight { lost_at: NOON, then: Then::Decide };
    let table = [
        (in_flight, State::InFlight, "in-flight", None),
        (finished(End::Delivered), State::Delivered, "delivered", None),
        (finished(End::Cancelled), State::Cancelled, "cancelled", None),
        (finished(End::Superseded), State::Cancelled, "cancelled", Some("superseded")),
        (
            finished(End::Undeliverable(Undeliverable::Rejected)),
            State::Undeliverable,
            "undeliverable",
            Some("rejected"),
        ),
        (
            finished(End::Undeliverable(Undeliverable::Gone)),
            State::Undeliverable,
            "undeliverable",
            Some("gone"),
        ),
        (
            finished(End::Undeliverable(Undeliverable::Lost)),
            State::Undeliverable,
            "undeliverable",
            Some("lost"),
        ),
    ];
    for (state, word, expected, reason) in table {
        let json = serde_json::to_value(delivery(Some(record(state)), word)).unwrap();
        assert_eq!((json["state"].as_str(), json["reason"].as_str()), (Some(expected), reason));
    }
}

#[test]
fn an_attempt() {
    let answered = AttemptRow {
        delivery: DeliveryId::from_u128(7),
        sequence: 12,
        send: 9,
        round: NonZeroU32::new(2).unwrap(),
        number: 3,
        began: Some(NOON),
        ended: utc_datetime!(2026-01-01 12:00:00.25),
        outcome: AttemptOutcome::Response,
        status: Some(503),
        captured: Some("try \"later\"".to_owned()),
        detail: None,
    };
    assert_is(
        &answered,
        r#"{"delivery":"00000000-0000-0000-0000-000000000007","sequence":12,"send":9,"round":2,"number":3,
           "began":"2026-01-01T12:00:00Z","ended":"2026-01-01T12:00:00.25Z","outcome":"response","status":503,
           "captured":"try \"later\"","detail":null}"#,
    );
    let failed = AttemptRow {
        began: None,
        outcome: AttemptOutcome::Fault(Fault::Dns),
        status: None,
        captured: None,
        detail: Some("no such name".to_owned()),
        ..answered
    };
    assert_is(
        &failed,
        r#"{"delivery":"00000000-0000-0000-0000-000000000007","sequence":12,"send":9,"round":2,"number":3,
           "began":null,"ended":"2026-01-01T12:00:00.25Z","outcome":"dns","status":null,
           "captured":null,"detail":"no such name"}"#,
    );
}

#[test]
fn figures() {
    assert_is(
        &Stats {
            subscriptions: 5,
            disabled: 1,
            waiting: 7,
            delivered: 9,
            given_up: 2,
            oldest_due: Some(NOON),
            ..Stats::default()
        },
        r#"{"subscriptions":5,"disabled":1,"waiting":7,"in_flight":0,"undeliverable":0,"quarantined":0,"unreadable":0,
           "delivered":9,"given_up":2,"oldest_due":"2026-01-01T12:00:00Z"}"#,
    );
    let worker = WorkerId::new(Uuid::from_u128(0xF0));
    let stats = EndpointStats {
        record: subscription().record,
        waiting: 3,
        in_flight: 1,
        undeliverable: 2,
        oldest_due: None,
        last_delivered: Some(NOON),
        last_undeliverable: None,
        lease: Some(LeaseHolder { worker, epoch: LeaseEpoch::new(4), ends: UtcDateTime::MAX }),
    };
    assert_is(
        &stats,
        r#"{"endpoint":{"status":"enabled","disabled_since":null,"disable_reason":null,"breaker":"closed",
           "failed_in_a_row":0,"failing_since":null,"held_until":null},"waiting":3,"in_flight":1,"undeliverable":2,
           "oldest_due":null,"last_delivered":"2026-01-01T12:00:00Z","last_undeliverable":null,
           "lease":{"worker":"00000000-0000-0000-0000-0000000000f0","epoch":4,"ends":"9999-12-31T23:59:59.999999999Z"}}"#,
    );
}

#[test]
fn a_page() {
    let page = Page { items: vec![State::Waiting], next: Some(12) };
    assert_is(&page, r#"{"items":["waiting"],"next":12}"#);
    assert_is(&Page::<State> { items: Vec::new(), next: None }, r#"{"items":[],"next":null}"#);
}

/// No clock shows it, and RFC 3339 has no way to say it: that is said, and nothing else in its place.
#[test]
fn a_year_that_rfc_3339_does_not_have_is_an_error() {
    let ancient =
        DeliveryRow { enqueued_at: utc_datetime!(-0001-01-01 0:00), ..delivery(None, State::Quarantined) };
    assert!(serde_json::to_string(&ancient).is_err());
}
