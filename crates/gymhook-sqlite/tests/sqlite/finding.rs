//! A gym's deliveries of a type are the same whichever way they are found.

use gymhook_delivery::{DeliveryId, EndpointId, EndpointRecord};
use gymhook_sqlite::SqliteStore;
use gymhook_store::{
    DeliveryQuery, NewNotification, Store as _, SubscriptionRow, TargetColumns, WriteCondition,
};
use time::UtcDateTime;

/// The endpoints of a gym that has most of the log, and of one that has little of it: the first is found by a walk through all,
/// the second endpoint by endpoint.
const GYMS: [(&str, [u128; 3], u128); 2] = [("much", [1, 2, 3], 40), ("little", [4, 5, 6], 2)];

fn subscription(id: u128, gym: &str) -> SubscriptionRow {
    let id = EndpointId::from_u128(id);
    let target = TargetColumns::Http { url: "https://receiver.example/".to_owned(), secrets: Vec::new() };
    SubscriptionRow {
        id,
        gym: gym.to_owned(),
        platform: "point".to_owned(),
        target,
        settings: "{}".to_owned(),
        record: EndpointRecord::new(id),
        deleted_at: None,
    }
}

#[tokio::test]
async fn a_walk_and_an_index_find_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("webhooks.db")).unwrap();
    let now = UtcDateTime::UNIX_EPOCH;
    let mut number = 0;
    for (gym, endpoints, each) in GYMS {
        for endpoint in endpoints {
            store.put_subscription(subscription(endpoint, gym), WriteCondition::Always, now).await.unwrap();
            for _ in 0..each {
                number += 1;
                let (id, endpoint) = (DeliveryId::from_u128(number), EndpointId::from_u128(endpoint));
                let event_type = if number % 2 == 0 { "even" } else { "odd" };
                let new = NewNotification::new(id, endpoint, event_type, number.to_string().into());
                store.enqueue(vec![new], now).await.unwrap()[0].as_ref().unwrap();
            }
        }
    }
    for (gym, _, each) in GYMS {
        let all = DeliveryQuery { gym: Some(gym.to_owned()), ..DeliveryQuery::new(500) };
        let listed = store.deliveries(all.clone()).await.unwrap().items;
        assert_eq!(listed.len() as u128, 3 * each);
        let expected: Vec<_> = listed.into_iter().filter(|row| row.event_type == "even").collect();
        let of_type = DeliveryQuery { event_types: vec!["even".to_owned()], ..all };
        assert_eq!(store.deliveries(of_type.clone()).await.unwrap().items, expected, "{gym}");
        // In pages of one.
        let mut paged = Vec::new();
        let mut query = DeliveryQuery { limit: 1, ..of_type };
        loop {
            let page = store.deliveries(query.clone()).await.unwrap();
            paged.extend(page.items);
            let Some(next) = page.next else { break };
            query.before = Some(next);
        }
        assert_eq!(paged, expected, "{gym}, in pages");
    }
}
