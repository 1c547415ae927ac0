//! Subscriptions that are written on a condition.

use super::Harness;
use super::stage::{Stage, disabled, endpoint, held, http, notification, subscription};
use crate::{Batch, Store, SubscriptionRow, TargetColumns, WriteCondition};

/// Written for its gym alone, a subscription is new or that gym's already; otherwise nothing is written.
pub async fn another_gym_s_is_not_written<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let of = |gym: &str, settings: &str| SubscriptionRow {
        gym: gym.to_owned(),
        settings: settings.to_owned(),
        ..subscription(1)
    };
    let (first, changed) = (of("wien", "{}"), of("wien", "{\"label\":\"changed\"}"));
    assert_eq!(
        stage.store.put_subscription(first.clone(), WriteCondition::SameGym, stage.now).await,
        Ok(true)
    );
    stage.carry_out_commands(endpoint(1)).await;
    for other in ["berlin", "Wien", ""] {
        assert_eq!(
            stage.store.put_subscription(of(other, "[]"), WriteCondition::SameGym, stage.now).await,
            Ok(false)
        );
        assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(first.clone())));
        assert_eq!(stage.fetch(endpoint(1), 0).await.commands, [], "its worker has nothing to reload");
    }
    assert_eq!(
        stage.store.put_subscription(changed.clone(), WriteCondition::SameGym, stage.now).await,
        Ok(true)
    );
    assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(changed.clone())));
    assert_eq!(stage.fetch(endpoint(1), 0).await.commands.len(), 1);
    let handler = SubscriptionRow { target: TargetColumns::Handler, ..changed.clone() };
    assert_eq!(stage.store.put_subscription(handler, WriteCondition::SameGym, stage.now).await, Ok(false));
    let unstorable = SubscriptionRow { gym: "a\0b".to_owned(), ..changed.clone() };
    assert!(stage.store.put_subscription(unstorable, WriteCondition::SameGym, stage.now).await.is_err());
    assert_eq!(
        stage.store.put_subscription(of("berlin", "{}"), WriteCondition::Always, stage.now).await,
        Ok(true),
        "it moves"
    );
    stage.store.delete_subscription(endpoint(1), stage.now).await.unwrap();
    assert_eq!(
        stage.store.put_subscription(of("berlin", "{}"), WriteCondition::SameGym, stage.now).await,
        Ok(false)
    );
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
    stage.carry_out_commands(endpoint(1)).await;
    let other = SubscriptionRow { settings: "{}".to_owned(), ..row.clone() };
    for again in [&row, &other] {
        assert_eq!(put(again).await, Ok(false));
        assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(row.clone())));
        assert_eq!(stage.fetch(endpoint(1), 0).await.commands, [], "its worker has nothing to reload");
    }
    stage.store.delete_subscription(endpoint(1), stage.now).await.unwrap();
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

    let to = |url: &str, secrets: Vec<u8>| TargetColumns::Http { url: url.to_owned(), secrets };
    let (url, secrets) = (read.target.url().unwrap(), read.target.secrets().unwrap().to_vec());
    let changed = SubscriptionRow { settings: "{\"label\":\"changed\"}".to_owned(), ..read.clone() };
    for other in [
        SubscriptionRow { gym: format!("{} ", read.gym), ..read.clone() },
        SubscriptionRow { gym: "a\0b".to_owned(), ..read.clone() },
        SubscriptionRow { platform: "egym".to_owned(), ..read.clone() },
        SubscriptionRow { settings: format!("{} ", read.settings), ..read.clone() },
        SubscriptionRow { target: to("https://other.example/", secrets.clone()), ..read.clone() },
        SubscriptionRow { target: to(url, [secrets, vec![0]].concat()), ..read.clone() },
        SubscriptionRow { target: TargetColumns::Handler, ..read.clone() },
        subscription(2),
    ] {
        assert_eq!(put(&changed, &other).await, Ok(false), "{other:?}");
        let expected = SubscriptionRow { record, ..read.clone() };
        assert_eq!(stage.store.subscription(endpoint(1)).await, Ok(Some(expected)));
        assert_eq!(stage.fetch(endpoint(1), 0).await.commands, [], "its worker has nothing to reload");
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
    stage.store.delete_subscription(endpoint(1), stage.now).await.unwrap();
    assert_eq!(put(&moved, &moved).await, Ok(false), "it was deleted");
}
