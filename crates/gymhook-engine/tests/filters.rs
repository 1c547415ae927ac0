//! Filters of subscriptions: what they want, and that what can never match is refused when it is written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use core::time::Duration;
use std::sync::Arc;

use gymhook::event::Kind;
use gymhook::send::EndpointUrl;
use gymhook::signature::{Key, Keyring, Secret};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{DeliveryQuery, Store};
use gymhook_engine::{
    EndpointId, EndpointPolicy, Engine, EventFilter, FilterError, Inbox, Publication, Subscription,
    SubscriptionError,
};
use time::macros::utc_datetime;

fn engine() -> Engine<MemoryStore> {
    Engine::builder(MemoryStore::new(utc_datetime!(2026-01-01 12:00))).enqueue_only()
}

fn id(number: u128) -> EndpointId {
    EndpointId::from_u128(number)
}

fn policy() -> EndpointPolicy {
    Inbox::policy()
}

fn url() -> EndpointUrl {
    EndpointUrl::dangerous_without_rule("https://receiver.example/hooks").unwrap()
}

fn subscription(number: u128, platform: &str) -> Subscription {
    let keys = Keyring::single("main", Secret::new("a secret of the tests").unwrap()).unwrap();
    Subscription::new(id(number), "berlin", platform, url(), Arc::new(keys), policy())
}

/// Which subscriptions an event of this type goes to.
async fn goes_to(engine: &Engine<MemoryStore>, platform: &str, event_type: &str) -> Vec<EndpointId> {
    let publication = Publication::new(platform, event_type, "{}");
    let published = engine.publish("berlin", event_type, &publication).await.unwrap();
    published.iter().filter(|one| one.enqueued.is_ok()).map(|published| published.subscription).collect()
}

#[tokio::test]
async fn names_beginnings_and_kinds_are_wanted() {
    let engine = engine();
    let gympoint = |number| subscription(number, "gympoint");
    let all = [
        gympoint(1).only(["member.created"]),
        gympoint(2).only(["member.*"]),
        gympoint(3).only([Kind::CheckIn]),
        subscription(4, "egym").only([Kind::CheckIn]),
        gympoint(5).only([EventFilter::unlisted("member.merged")]),
        gympoint(6).only([EventFilter::from("payment.*"), EventFilter::from(Kind::MemberCreated)]),
        gympoint(7).only(["unlisted:checkin.corrected"]).every_type(),
    ];
    for subscription in &all {
        engine.put_subscription(subscription).await.unwrap();
        let read = engine.subscription(subscription.id()).await.unwrap().unwrap();
        assert_eq!(read.filters(), subscription.filters());
    }
    for (event_type, expected) in [
        ("member.created", vec![1, 2, 6, 7]),
        ("member.deleted", vec![2, 7]),
        ("member.merged", vec![2, 5, 7]),
        ("membership.activated", vec![7]),
        ("payment.failed", vec![6, 7]),
        ("checkin.created", vec![3, 7]),
        ("GYM_CHECKIN", vec![4]),
    ] {
        let platform = if event_type == "GYM_CHECKIN" { "egym" } else { "gympoint" };
        let expected: Vec<EndpointId> = expected.into_iter().map(id).collect();
        assert_eq!(goes_to(&engine, platform, event_type).await, expected, "{event_type}");
    }
}

#[tokio::test]
async fn what_can_never_match_is_refused_when_it_is_written() {
    let engine = engine();
    let gympoint = || subscription(1, "gympoint");
    let nothing: [&str; 0] = [];
    let bad = [
        gympoint().only(["*"]),
        gympoint().only([""]),
        gympoint().only(["member.created "]),
        gympoint().only(["member.created", "member.craeted"]),
        gympoint().only(["GYM_CHECKIN"]),
        gympoint().only(["kind:chek-in"]),
        gympoint().only([Kind::WorkoutRecorded]),
        gympoint().only(nothing),
        gympoint().with_url_for("member.craeted", url()),
        gympoint().with_url_for("member.*", url()),
        gympoint().with_url_for("", url()),
        subscription(1, "acme").only([Kind::CheckIn]),
        subscription(1, "acme").only(["*"]),
    ];
    for subscription in bad {
        let refused = engine.put_subscription(&subscription).await.unwrap_err();
        assert!(
            matches!(&refused, SubscriptionError::Filter { subscription, .. } if *subscription == id(1)),
            "{refused:?}"
        );
    }
    assert_eq!(engine.subscription(id(1)).await.unwrap().map(|one| one.id()), None, "nothing was written");
    let typo = gympoint().only(["payment.succesful"]);
    let problem = FilterError::NotSent {
        filter: "payment.succesful".to_owned(),
        platform: "gympoint".to_owned(),
        nearest: Some("payment.successful"),
    };
    let refused = engine.put_subscription(&typo).await;
    assert_eq!(refused, Err(SubscriptionError::Filter { subscription: id(1), problem }));
    engine.put_subscription(&subscription(1, "acme").only(["any.type", "any.*"])).await.unwrap();
}

#[tokio::test]
async fn a_url_for_a_type_that_is_newer_is_used() {
    let engine = engine();
    let other = EndpointUrl::dangerous_without_rule("https://receiver.example/other").unwrap();
    let with = subscription(1, "gympoint")
        .with_url_for("unlisted:member.merged", other.clone())
        .with_url_for("member.created", other.clone());
    engine.put_subscription(&with).await.unwrap();
    let read = engine.subscription(id(1)).await.unwrap().unwrap();
    for event_type in ["member.merged", "member.created"] {
        assert_eq!(read.http().unwrap().url_for(event_type), &other);
    }
    assert_eq!(read.http().unwrap().url_for("member.updated"), &url());
}

#[tokio::test]
async fn a_url_for_a_type_can_be_taken_back() {
    let engine = engine();
    let other = EndpointUrl::dangerous_without_rule("https://receiver.example/other").unwrap();
    let types = ["unlisted:member.merged", "member.created", "member.updated"];
    let with = types.iter().fold(subscription(1, "gympoint"), |one, of| one.with_url_for(*of, other.clone()));
    engine.put_subscription(&with).await.unwrap();
    let read = engine.subscription(id(1)).await.unwrap().unwrap();
    let without = read.without_url_for("unlisted:member.merged").without_url_for("member.created");
    engine.put_subscription(&without.without_url_for("member.deleted")).await.unwrap();
    let read = engine.subscription(id(1)).await.unwrap().unwrap();
    assert_eq!(read.http().unwrap().urls().keys().collect::<Vec<_>>(), ["member.updated"]);
    for event_type in ["member.merged", "member.created", "member.deleted"] {
        assert_eq!(read.http().unwrap().url_for(event_type), &url());
    }
    assert_eq!(read.http().unwrap().url_for("member.updated"), &other);
}

/// EGYM answers 409 `webhookUrlAlreadyRegistered`; the others' pages do not forbid it.
#[tokio::test]
async fn a_url_is_taken_once_in_a_gym_where_the_platform_says_so() {
    let engine = engine();
    for number in [1, 2] {
        engine.put_subscription(&subscription(number, "gympoint")).await.unwrap();
    }
    engine.put_subscription(&subscription(3, "egym")).await.unwrap();
    engine.put_subscription(&subscription(3, "egym").every_type()).await.unwrap();
    let refused = engine.put_subscription(&subscription(4, "egym")).await;
    let taken =
        SubscriptionError::UrlTaken { subscription: id(4), other: id(3), platform: "egym".to_owned() };
    assert_eq!(refused, Err(taken));
    assert!(engine.subscription(id(4)).await.unwrap().is_none(), "nothing was written");
    engine.delete_subscription(id(3)).await.unwrap();
    engine.put_subscription(&subscription(4, "egym")).await.unwrap();
}

#[tokio::test]
async fn the_log_is_that_of_a_gym_a_type_and_a_time() {
    let engine = engine();
    engine.put_subscription(&subscription(1, "gympoint")).await.unwrap();
    for event_type in ["member.created", "payment.failed", "member.created"] {
        let event = engine.now().await.unwrap().to_string() + event_type;
        engine.publish("berlin", &event, &Publication::new("gympoint", event_type, "{}")).await.unwrap();
        engine.store().set_now(engine.now().await.unwrap() + Duration::from_secs(60));
    }
    let minutes = async |query| {
        let found = engine.deliveries(query).await.unwrap().items;
        found.iter().map(|row| row.enqueued_at.minute()).collect::<Vec<_>>()
    };
    let all = || DeliveryQuery { gym: Some("berlin".to_owned()), ..DeliveryQuery::new(9) };
    let created = || DeliveryQuery { event_types: vec!["member.created".to_owned()], ..all() };
    let from = Some(utc_datetime!(2026-01-01 12:01));
    assert_eq!(minutes(all()).await, [2, 1, 0]);
    assert_eq!(minutes(created()).await, [2, 0]);
    assert_eq!(minutes(DeliveryQuery { from, ..created() }).await, [2]);
    assert_eq!(minutes(DeliveryQuery { until: from, ..created() }).await, [0]);
    assert_eq!(minutes(DeliveryQuery { gym: Some("wien".to_owned()), ..created() }).await, [0_u8; 0]);
}

/// What an older version wrote is a list of names, whatever they are: they are read, and whoever changes them is told.
#[tokio::test]
async fn a_list_of_an_older_version_is_read() {
    let engine = engine();
    let valid = subscription(1, "gympoint").only(["member.created", "member.updated"]);
    engine.put_subscription(&valid).await.unwrap();
    let row = engine.store().subscription(id(1)).await.unwrap().unwrap();
    let written = r#""event_types":["member.created","member.updated"]"#;
    assert!(
        row.settings.contains(written),
        "names are written as an older version reads them: {}",
        row.settings
    );

    let older = row.settings.replace(written, r#""event_types":["*","member.created","member.updated "]"#);
    let now = engine.now().await.unwrap();
    let row = gymhook_engine::store::SubscriptionRow { settings: older, ..row };
    assert_eq!(
        engine.store().put_subscription(row, gymhook_engine::store::WriteCondition::Always, now).await,
        Ok(true)
    );
    let read = engine.subscription(id(1)).await.unwrap().unwrap();
    assert!(read.wants("member.created") && !read.wants("member.updated"));

    let key = Key::new("next", Secret::new("the next secret of the tests").unwrap());
    engine.rotate_key(id(1), key, Duration::ZERO).await.unwrap();
    assert!(engine.subscription(id(1)).await.unwrap().unwrap().wants("member.created"));
    let refused = engine.put_subscription(&read.with_label("new")).await;
    assert!(matches!(refused, Err(SubscriptionError::Filter { .. })), "{refused:?}");
}
