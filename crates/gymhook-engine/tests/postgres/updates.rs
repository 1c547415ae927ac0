//! Updates of one subscription by two processes.

use gymhook_engine::store::PostgresStore;
use gymhook_engine::store::postgres::PostgresOptions;
use gymhook_engine::store::postgres::tokio_postgres::NoTls;

use crate::{fresh, shared, updating};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost() {
    let one = fresh().await;
    let options = PostgresOptions::new().with_schema(one.schema().clone());
    let other = PostgresStore::connect_with(shared(), NoTls, options).await.unwrap();
    updating::nothing_is_lost(one, other).await;
}
