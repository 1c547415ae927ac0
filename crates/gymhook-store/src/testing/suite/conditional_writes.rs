//! Conditional writes and deletions of subscriptions: `WriteCondition` and `DeleteCondition`.

use super::Harness;
use super::stage::{Stage, begun, disabled, endpoint, held, http, notification, subscription};
use crate::{Batch, Command, DeleteCondition, State, Store, SubscriptionRow, TargetColumns, WriteCondition};

/// Asserts that the subscription is still this one, and that its worker was not told to reload it.
async fn assert_untouched<H: Harness>(stage: &Stage<'_, H>, row: &SubscriptionRow) {
    assert_eq!(stage.store.subscription(row.id).await, Ok(Some(row.clone())));
    assert_eq!(stage.fetch(row.id, 0).await.commands, []);
}

/// Rows that each differ from this one in one thing that its configuration consists of, or in its id.
fn all_but(row: &SubscriptionRow) -> [SubscriptionRow; 8] {
    let to = |url: &str, secrets: Vec<u8>| TargetColumns::Http { url: url.to_owned(), secrets };
    let (url, secrets) = (row.target.url().unwrap(), row.target.secrets().unwrap().to_vec());
    [
        SubscriptionRow { gym: format!("{} ", row.gym), ..row.clone() },
        SubscriptionRow { gym: "a\0b".to_owned(), ..row.clone() },
        SubscriptionRow { platform: "egym".to_owned(), ..row.clone() },
        SubscriptionRow { settings: format!("{} ", row.settings), ..row.clone() },
        SubscriptionRow { target: to("https://other.example/", secrets.clone()), ..row.clone() },
        SubscriptionRow { target: to(url, [secrets, vec![0]].concat()), ..row.clone() },
        SubscriptionRow { target: TargetColumns::Handler, ..row.clone() },
        SubscriptionRow { id: endpoint(2), ..row.clone() },
    ]
}

/// Written for its gym alone, a subscription is new or that gym's already; otherwise nothing is written.
pub async fn another_gym_s_is_not_written<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let put = async |row: &SubscriptionRow, condition| {
        stage.store.put_subscription(row.clone(), condition, stage.now).await
    };
    let of = |gym: &str, settings: &str| SubscriptionRow {
        gym: gym.to_owned(),
        settings: settings.to_owned(),
        ..subscription(1)
    };
    let (first, changed) = (of("wien", "{}"), of("wien", "{\"label\":\"changed\"}"));
    assert_eq!(put(&first, WriteCondition::SameGym).await, Ok(true));
    stage.lease_once(endpoint(1)).await;
    for other in ["berlin", "Wien", ""] {
        assert_eq!(put(&of(other, "[]"), WriteCondition::SameGym).await, Ok(false));
        assert_untouched(&stage, &first).await;
    }
    assert_eq!(put(&changed, WriteCondition::SameGym).await, Ok(true));
    assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(changed.clone())));
    assert_eq!(stage.fetch(endpoint(1), 0).await.commands.len(), 1);
    let handler = SubscriptionRow { target: TargetColumns::Handler, ..changed.clone() };
    assert_eq!(put(&handler, WriteCondition::SameGym).await, Ok(false));
    let unstorable = SubscriptionRow { gym: "a\0b".to_owned(), ..changed };
    assert!(put(&unstorable, WriteCondition::SameGym).await.is_err());
    let moved = of("berlin", "{}");
    assert_eq!(put(&moved, WriteCondition::Always).await, Ok(true), "it moves");
    stage.delete_subscription(1).await.unwrap();
    assert_eq!(put(&moved, WriteCondition::SameGym).await, Ok(false), "it was deleted");
}

/// Written as a new one, a subscription is created where there is none and none was deleted.
pub async fn a_new_one_replaces_none<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let put = async |row: &SubscriptionRow| {
        stage.store.put_subscription(row.clone(), WriteCondition::New, stage.now).await
    };
    let row = subscription(1);
    assert_eq!(put(&row).await, Ok(true));
    assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(row.clone())));
    stage.lease_once(endpoint(1)).await;
    let other = SubscriptionRow { settings: "{}".to_owned(), ..row.clone() };
    for again in [&row, &other] {
        assert_eq!(put(again).await, Ok(false));
        assert_untouched(&stage, &row).await;
    }
    stage.delete_subscription(1).await.unwrap();
    assert_eq!(put(&row).await, Ok(false), "it was deleted");
    assert_eq!(put(&subscription(2)).await, Ok(true));
}

/// A change that is conditional on what was read is written if the configuration is still that, and only then.
pub async fn a_conditional_change_overwrites_no_other<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let put = async |row: &SubscriptionRow, read: &SubscriptionRow| {
        let condition = WriteCondition::unchanged(read.clone());
        stage.store.put_subscription(row.clone(), condition, stage.now).await
    };
    let read = subscription(1);
    assert_eq!(put(&read, &read).await, Ok(false), "there is none");
    assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(None));
    stage.subscribe(read.clone()).await;
    stage.enqueue([notification(1, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let record = disabled(1, stage.now);
    stage.commit(Batch { leases: vec![lease], endpoints: vec![record], ..Batch::default() }).await;

    let changed = SubscriptionRow { settings: "{\"label\":\"changed\"}".to_owned(), ..read.clone() };
    for other in all_but(&read) {
        assert_eq!(put(&changed, &other).await, Ok(false), "{other:?}");
        assert_untouched(&stage, &SubscriptionRow { record, ..read.clone() }).await;
    }
    let handler = SubscriptionRow { target: TargetColumns::Handler, ..read.clone() };
    assert_eq!(put(&handler, &read).await, Ok(false), "a direction never changes");

    // How the endpoint is was read, too, and does not count; gym and secrets may change with the rest.
    let moved = SubscriptionRow { gym: "wien".to_owned(), target: http(vec![9]), ..changed };
    assert_eq!(put(&moved, &read).await, Ok(true));
    let expected = SubscriptionRow { record, ..moved.clone() };
    assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(expected)));
    assert_eq!(stage.fetch(endpoint(1), 0).await.commands.len(), 1);
    assert_eq!(put(&read, &read).await, Ok(false), "what was read is not there any more");
    let unstorable = SubscriptionRow { gym: "a\0b".to_owned(), ..moved.clone() };
    assert!(put(&unstorable, &moved).await.is_err());
    stage.delete_subscription(1).await.unwrap();
    assert_eq!(put(&moved, &moved).await, Ok(false), "it was deleted");
}

/// A deletion that is conditional on what was read deletes if the configuration is still that, and only then.
pub async fn a_conditional_deletion_deletes_what_was_read<H: Harness>(harness: &H) {
    let stage = Stage::with(harness, [1, 2]).await;
    let delete = async |number, read: &SubscriptionRow| {
        let condition = DeleteCondition::unchanged(read.clone());
        stage.store.delete_subscription(endpoint(number), condition, stage.now).await
    };
    let read = subscription(1);
    assert_eq!(delete(3, &subscription(3)).await, Ok(false), "there is none");
    stage.enqueue([notification(1, 1), notification(2, 1)]).await;
    let lease = held(&stage.lease(1, 1).await);
    let (record, under_way) = (disabled(1, stage.now), begun(stage.record(1).await, stage.now));
    let batch = Batch {
        leases: vec![lease],
        endpoints: vec![record],
        deliveries: vec![under_way],
        ..Batch::default()
    };
    stage.commit(batch).await;
    stage.store.command(vec![(endpoint(1), Command::Enable)], stage.now).await.unwrap();

    for other in all_but(&read) {
        assert_eq!(delete(1, &other).await, Ok(false), "{other:?}");
    }
    let row = SubscriptionRow { record, ..read.clone() };
    assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(row.clone())));
    assert_eq!(stage.fetch(endpoint(1), 0).await.commands.len(), 1, "its commands are kept");
    assert_eq!(stage.row(1).await.state, State::InFlight, "what is under way goes on");
    assert_eq!(stage.commit(Batch { leases: vec![lease], ..Batch::default() }).await.lost, []);

    // How the endpoint is was read, too, and does not count.
    assert_eq!(delete(1, &read).await, Ok(true));
    let deleted = SubscriptionRow { deleted_at: Some(stage.now), ..row };
    assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(deleted.clone())));
    assert_eq!(stage.row(1).await.state, State::Cancelled, "what was under way ends");
    for again in [&read, &deleted] {
        assert_eq!(delete(1, again).await, Ok(false), "it was deleted before");
    }
    let handler = SubscriptionRow { target: TargetColumns::Handler, ..subscription(3) };
    stage.subscribe(handler.clone()).await;
    assert_eq!(delete(3, &subscription(3)).await, Ok(false), "it has neither URL nor secrets");
    assert_eq!(delete(3, &handler).await, Ok(true));
    assert_eq!(stage.store.subscription(endpoint(2)).await, Ok(Some(subscription(2))), "another one's");
}
