//! Follow-ups and the record that they follow from are written together, or neither is.

use gymhook_delivery::{DeliveryRecord, DeliveryState, End};
use gymhook_store::{Batch, Store};

use crate::stage::{
    NOW, at, client, dump, endpoint, execute, fresh, held, notification, record, request, shared, subscribe,
};

/// The server takes everything but the last follow-up: nothing of the batch is there. When it takes that, too, the same batch is
/// written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follow_up_that_fails_undoes_the_record() {
    let store = fresh().await;
    let looking = client(&shared()).await;
    subscribe(&store, &looking, 1..=2).await;
    store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();
    let lease = held(&store.lease(request(1), NOW).await.unwrap()[0]);
    let handled = record(&store, 1).await;
    let state = DeliveryState::Finished { at: NOW, end: End::Delivered };
    let batch = Batch {
        leases: vec![lease],
        deliveries: vec![DeliveryRecord { sends: 1, state, ..handled }],
        follow_ups: [10, 11].map(|number| (endpoint(1), notification(number, 2))).to_vec(),
        ..Batch::default()
    };
    let refuse = "CREATE FUNCTION gymhook.refuse() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION ''as the test asks''; END';
        CREATE TRIGGER refuse BEFORE INSERT ON gymhook.deliveries FOR EACH ROW EXECUTE FUNCTION gymhook.refuse()";
    execute(&looking, &store, refuse).await;
    let before = dump(&looking, &store).await;
    assert!(store.commit(batch.clone(), NOW).await.is_err());
    // What the connection had begun is over when this has the lock on the endpoint.
    let renewal = Batch { leases: vec![lease], ..Batch::default() };
    assert_eq!(store.commit(renewal, NOW).await.unwrap().lost, []);
    assert_eq!(dump(&looking, &store).await, before);

    execute(&looking, &store, "DROP TRIGGER refuse ON gymhook.deliveries").await;
    // A new connection has none of the plans that were made before.
    let store = at(shared(), store.schema().clone()).await;
    for _ in 0..2 {
        let committed = store.commit(batch.clone(), NOW).await.unwrap();
        assert_eq!((committed.lost, committed.refused), (Vec::new(), Vec::new()));
        assert_eq!(record(&store, 1).await.state, state);
        assert_eq!(store.endpoint_stats(endpoint(2), NOW).await.unwrap().unwrap().waiting, 2);
    }
}
