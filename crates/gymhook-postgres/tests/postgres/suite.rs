//! The store in PostgreSQL passes the suite that every store has to pass.

use gymhook_postgres::PostgresStore;
use gymhook_store::testing::suite::Harness;
use gymhook_store::{DeliveryId, EndpointId, Journal};

use crate::stage;

struct InPostgres;

impl InPostgres {
    /// Runs SQL that is about one delivery, and returns whether it was there.
    async fn damage(store: &PostgresStore, sql: &str, id: DeliveryId) -> bool {
        let client = stage::client(&stage::shared()).await;
        let sql = sql.replace("gymhook.", &format!("{}.", store.schema()));
        client.execute(&sql, &[id.as_uuid()]).await.unwrap() > 0
    }
}

impl Harness for InPostgres {
    type Store = PostgresStore;

    async fn open(&self) -> PostgresStore {
        stage::fresh().await
    }

    async fn reopen(&self, store: PostgresStore) -> Option<PostgresStore> {
        let schema = store.schema().clone();
        drop(store);
        Some(stage::at(stage::shared(), schema).await)
    }

    async fn damage_delivery(&self, store: &PostgresStore, id: DeliveryId) -> bool {
        let sql = "UPDATE gymhook.deliveries d SET sends = sends # 1 FROM gymhook.notifications n
                   WHERE n.seq = d.seq AND n.id = $1";
        Self::damage(store, sql, id).await
    }

    async fn damage_body(&self, store: &PostgresStore, id: DeliveryId) -> bool {
        let sql = "UPDATE gymhook.notifications SET body = CASE WHEN length(body) = 0 THEN '\\x00'
                   ELSE set_byte(body, 0, get_byte(body, 0) # 1) END WHERE id = $1";
        Self::damage(store, sql, id).await
    }

    async fn damage_subscription(&self, store: &PostgresStore, id: EndpointId) -> bool {
        let client = stage::client(&stage::shared()).await;
        let sql = format!("UPDATE {}.subscriptions SET record = '{{' WHERE id = $1", store.schema());
        client.execute(&sql, &[id.as_uuid()]).await.unwrap() > 0
    }

    async fn damage_attempt(&self, store: &PostgresStore, id: DeliveryId, send: u32) -> bool {
        let client = stage::client(&stage::shared()).await;
        let schema = store.schema();
        let sql = format!(
            "UPDATE {schema}.attempts a SET outcome = 'sunk' FROM {schema}.notifications n
             WHERE n.seq = a.seq AND n.id = $1 AND a.send = $2"
        );
        client.execute(&sql, &[id.as_uuid(), &i64::from(send)]).await.unwrap() == 1
    }

    async fn damage_journal(&self, store: &PostgresStore, journal: Journal, number: u64) -> bool {
        let client = stage::client(&stage::shared()).await;
        let sql = format!(
            "UPDATE {}.journal SET at = 9223372036854775807 WHERE journal = $1 AND number = $2",
            store.schema()
        );
        client.execute(&sql, &[&journal.code(), &i64::try_from(number).unwrap()]).await.unwrap() == 1
    }

    async fn count_attempts(&self, store: &PostgresStore) -> Option<u64> {
        let client = stage::client(&stage::shared()).await;
        let sql = format!("SELECT count(*) FROM {}.attempts", store.schema());
        let count: i64 = client.query_one(&sql, &[]).await.unwrap().get(0);
        u64::try_from(count).ok()
    }

    /// A row always has a body here; it may be empty.
    async fn lose_body(&self, store: &PostgresStore, id: DeliveryId) -> bool {
        Self::damage(store, "UPDATE gymhook.notifications SET body = '' WHERE id = $1", id).await
    }
}

gymhook_store::store_suite!(InPostgres);
