//! Through a connection pooler: PgBouncer, in each of its modes.

use core::time::Duration;

use gymhook_delivery::{DeliveryId, DeliveryState, End, Enqueued};
use gymhook_postgres::tokio_postgres::NoTls;
use gymhook_postgres::{Pooling, PostgresOptions, PostgresStore, Schema};
use gymhook_store::testing::suite::Harness;
use gymhook_store::{Batch, Store, StoreError};
use gymhook_test_postgres::{PoolMode, Pooler, Server, fresh_schema};
use tokio::sync::OnceCell;

use crate::stage::{
    self, LEASE, NOW, all_of, begin, client, endpoint, held, notification, request, soon, subscribe,
};

fn options() -> PostgresOptions {
    PostgresOptions::new()
        .with_schema(Schema::new(fresh_schema()).unwrap())
        .with_call_timeout(Duration::from_secs(20))
}

/// Enqueues, leases, delivers, and looks back, over and over, on several connections.
async fn works(store: &PostgresStore, server: &Server) {
    subscribe(store, &client(&server.config()).await, 1..=4).await;
    let enqueueing = (0..40_u128).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.enqueue(vec![notification(number + 1, number % 4 + 1)], NOW).await })
    });
    for enqueued in enqueueing.collect::<Vec<_>>() {
        assert_eq!(soon(enqueued).await.unwrap(), Ok(vec![Ok(Enqueued::New)]));
    }
    let again = store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();
    assert!(matches!(again.as_slice(), [Ok(Enqueued::Duplicate { .. })]), "{again:?}");

    let leased = store.lease(request(1), NOW).await.unwrap();
    assert_eq!(leased.len(), 4);
    for lease in leased.iter().map(held) {
        let number = lease.endpoint.as_uuid().as_u128();
        let fetched = store.fetch(vec![all_of(number)], NOW).await.unwrap().remove(0);
        assert_eq!(fetched.deliveries.len(), 10);
        let committed = store.commit(begin(lease, &fetched.deliveries), NOW).await.unwrap();
        assert_eq!((committed.lost.len(), committed.notifications.len()), (0, 10));
        let state = DeliveryState::Finished { at: NOW, end: End::Delivered };
        let over =
            fetched.deliveries.iter().map(|record| gymhook_delivery::DeliveryRecord { state, ..*record });
        let batch = Batch {
            leases: vec![lease],
            deliveries: over.collect(),
            release: vec![lease.endpoint],
            lease_length: LEASE,
            ..Batch::default()
        };
        assert_eq!(store.commit(batch, NOW).await.unwrap().lost, []);
    }
    let stats = store.stats(NOW).await.unwrap();
    assert_eq!((stats.waiting, stats.in_flight), (0, 0));
    assert_eq!(store.purge(NOW + LEASE, 100).await, Ok(40));
}

async fn listens(store: &PostgresStore) {
    assert_eq!(soon(store.work_arrived()).await, [], "what came before it listened is not known");
    store.enqueue(vec![notification(100, 3)], NOW).await.unwrap();
    assert_eq!(soon(store.work_arrived()).await, [endpoint(3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_sessions_are_pooled_everything_works() {
    let server = Server::start().unwrap();
    let pooler = Pooler::start(&server, PoolMode::Session, 20).unwrap();
    let store = PostgresStore::connect(&pooler.url(), options()).await.unwrap();
    works(&store, &server).await;
    listens(&store).await;
    let prepared = "SELECT count(*) FROM pg_prepared_statements";
    // Statements are prepared there: another store through the same pooler has its own.
    assert_eq!(client(&server.config()).await.query_one(prepared, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_transactions_are_pooled_everything_works_but_listening() {
    let server = Server::start().unwrap();
    for connections in [1, 2, 5] {
        let pooler = Pooler::start(&server, PoolMode::Transaction, connections).unwrap();
        // Two processes, as far as the pooler can tell.
        let (options, other) = (options(), options());
        let store = PostgresStore::connect(&pooler.url(), options.clone()).await.unwrap();
        let other = PostgresStore::connect(&pooler.url(), other).await.unwrap();
        tokio::join!(works(&store, &server), works(&other, &server));
        let heard = tokio::time::timeout(Duration::from_millis(100), store.work_arrived()).await;
        assert!(heard.is_err(), "nobody listens, and nothing is made up");

        let past = options.with_listen_url(server.url());
        let worker = PostgresStore::connect(&pooler.url(), past).await.unwrap();
        listens(&worker).await;
    }
}

#[tokio::test]
async fn a_session_that_others_share_is_left_as_it_was() {
    let server = Server::start().unwrap();
    let pooler = Pooler::start(&server, PoolMode::Transaction, 1).unwrap();
    let store = PostgresStore::connect(&pooler.url(), options()).await.unwrap();
    subscribe(&store, &client(&server.config()).await, 1..=1).await;
    let next = client(&pooler.config()).await;
    let settings = "SELECT current_setting('statement_timeout'), current_setting('jit'), current_setting('synchronous_commit')";
    let row = next.query_typed_one(settings, &[]).await.unwrap();
    assert_eq!([0, 1, 2].map(|column| row.get::<_, String>(column)), ["0", "on", "on"]);

    // What others leave behind does not make commits that may be lost.
    next.batch_execute("SET synchronous_commit = off").await.unwrap();
    let trigger = "CREATE FUNCTION gymhook.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            NEW.event_type := current_setting('synchronous_commit'); RETURN NEW; END $$;
        CREATE TRIGGER look BEFORE INSERT ON gymhook.notifications FOR EACH ROW EXECUTE FUNCTION gymhook.look()";
    stage::execute(&client(&server.config()).await, &store, trigger).await;
    store.enqueue(vec![notification(1, 1)], NOW).await.unwrap();
    assert_eq!(store.delivery(DeliveryId::from_u128(1)).await.unwrap().unwrap().event_type, "on");
}

#[tokio::test]
async fn a_pooler_that_was_not_found_is_named_and_one_that_takes_no_transactions_is_refused() {
    let server = Server::start().unwrap();
    let pooler = Pooler::start(&server, PoolMode::Transaction, 1).unwrap();
    let wrong = || options().with_pooling(Pooling::Sessions);
    let mut problems = Vec::new();
    // Each process numbers its statements from 0; here it is one that numbers them on, so somebody else takes them all.
    let stranger = client(&pooler.config()).await;
    for number in 0..2_000 {
        stranger.batch_execute(&format!("PREPARE s{number} AS SELECT 1")).await.unwrap();
    }
    if let Ok(store) = PostgresStore::connect_with(pooler.config(), NoTls, wrong()).await {
        problems.extend(store.subscription(endpoint(1)).await.err());
        problems.extend(store.stats(NOW).await.err());
    }
    let expected =
        "a connection pooler in between pools transactions, where prepared statements clash (SQLSTATE 42P05";
    assert!(problems.iter().any(|problem| problem.to_string().starts_with(expected)), "{problems:?}");
    let advice = "use PostgresOptions::with_pooling(Pooling::Transactions), or have it pool sessions";
    assert!(problems[0].to_string().ends_with(advice), "{problems:?}");

    let pooler = Pooler::start(&server, PoolMode::Statement, 2).unwrap();
    let refused = PostgresStore::connect(&pooler.url(), options()).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Invalid { problem } if problem.contains("takes no transactions")),
        "{refused:?}"
    );
}

/// The suite of every store, through a pooler that pools transactions.
struct InPooledPostgres;

async fn pooled() -> &'static (Server, Pooler) {
    static POOLED: OnceCell<(Server, Pooler)> = OnceCell::const_new();
    POOLED
        .get_or_init(|| async {
            let server = Server::start().unwrap();
            let pooler = Pooler::start(&server, PoolMode::Transaction, 8).unwrap();
            (server, pooler)
        })
        .await
}

impl Harness for InPooledPostgres {
    type Store = PostgresStore;

    async fn open(&self) -> PostgresStore {
        let options = options().with_pooling(Pooling::Transactions);
        PostgresStore::connect(&pooled().await.1.url(), options).await.unwrap()
    }
}

mod suite {
    use super::InPooledPostgres;

    gymhook_store::store_suite!(InPooledPostgres);
}
