//! The tables come to be as a whole or not at all, whoever makes them, whenever it is cut off.

use gymhook_engine::store::postgres::tokio_postgres::{Client, Config, NoTls};
use gymhook_engine::store::postgres::{PostgresOptions, PostgresStore, Schema};
use gymhook_engine::store::{Store, StoreError};
use gymhook_test_postgres::fresh_schema;

use crate::stage::{NOW, client, notification, shared, soon, subscribe};

/// A database of its own, for what concerns all schemas of one.
async fn fresh_database() -> Config {
    let mut config = shared();
    let name = fresh_schema();
    client(&config).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    config.dbname(&name);
    config
}

async fn connect(config: &Config) -> Result<PostgresStore, StoreError> {
    PostgresStore::connect_with(config.clone(), NoTls, PostgresOptions::new()).await
}

async fn tables(client: &Client) -> i64 {
    let sql = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'gymhook'";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

async fn works(store: &PostgresStore, client: &Client) {
    subscribe(store, client, 1..=1).await;
    assert!(store.enqueue(vec![notification(1, 1)], NOW).await.unwrap()[0].is_ok());
}

/// Does something whenever the table of commands has been made, which is neither the first nor the last.
async fn in_the_middle(client: &Client, action: &str) {
    let sql = format!(
        "CREATE FUNCTION public.interfere() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
            IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'gymhook.commands') THEN
                {action};
            END IF;
         END $$;
         CREATE EVENT TRIGGER interfere ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.interfere()"
    );
    client.batch_execute(&sql).await.unwrap();
}

#[tokio::test]
async fn a_migration_that_fails_half_way_leaves_nothing_and_is_done_again() {
    let config = fresh_database().await;
    let client = client(&config).await;
    in_the_middle(&client, "RAISE EXCEPTION 'no more' USING ERRCODE = 'disk_full'").await;
    assert_eq!(connect(&config).await.unwrap_err(), StoreError::Full);
    assert_eq!(tables(&client).await, 0);
    client.batch_execute("DROP EVENT TRIGGER interfere").await.unwrap();
    works(&connect(&config).await.unwrap(), &client).await;
}

#[tokio::test]
async fn a_migration_that_is_cut_off_half_way_leaves_nothing_and_is_done_again() {
    let config = fresh_database().await;
    let client = client(&config).await;
    in_the_middle(&client, "PERFORM pg_sleep(600)").await;
    let connecting = tokio::spawn({
        let config = config.clone();
        async move { connect(&config).await }
    });
    let sleeping = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event = 'PgSleep'";
    soon(async {
        while client.query(sleeping, &[]).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let cut_off = soon(connecting).await.unwrap().unwrap_err();
    assert!(matches!(cut_off, StoreError::Unavailable { .. }), "{cut_off:?}");
    assert_eq!(tables(&client).await, 0);
    client.batch_execute("DROP EVENT TRIGGER interfere").await.unwrap();
    works(&connect(&config).await.unwrap(), &client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_that_migrate_at_once_all_succeed() {
    let config = fresh_database().await;
    let connecting: Vec<_> = (0..8)
        .map(|_| {
            let config = config.clone();
            tokio::spawn(async move { connect(&config).await })
        })
        .collect();
    let client = client(&config).await;
    for connecting in connecting {
        let store = connecting.await.unwrap().unwrap();
        assert_eq!(store.stats(NOW).await.unwrap().waiting, 0);
    }
    let versions = client.query("SELECT version FROM gymhook.gymhook_schema", &[]).await.unwrap();
    assert_eq!(versions.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [1, 2], "each was done once");
    works(&connect(&config).await.unwrap(), &client).await;
}

#[tokio::test]
async fn tables_of_a_newer_program_are_left_alone() {
    let config = fresh_database().await;
    let client = client(&config).await;
    works(&connect(&config).await.unwrap(), &client).await;
    client.batch_execute("INSERT INTO gymhook.gymhook_schema (version) VALUES (3)").await.unwrap();
    let refused = connect(&config).await.unwrap_err();
    assert_eq!(refused, StoreError::Schema { found: 3, known: 2 });
}

#[tokio::test]
async fn whoever_may_use_the_tables_need_not_be_able_to_make_them() {
    let config = fresh_database().await;
    let client = client(&config).await;
    let role = fresh_schema();
    client.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let mut restricted = config.clone();
    restricted.user(&role);
    let refused = connect(&restricted).await.unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused:?}");

    drop(connect(&config).await.unwrap());
    let grants = format!(
        "GRANT USAGE ON SCHEMA gymhook TO {role}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA gymhook TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA gymhook TO {role}"
    );
    client.batch_execute(&grants).await.unwrap();
    works(&connect(&restricted).await.unwrap(), &client).await;
}

#[tokio::test]
async fn two_schemas_are_two_stores() {
    let config = fresh_database().await;
    let client = client(&config).await;
    let options = PostgresOptions::new().with_schema(Schema::new("studio_7").unwrap());
    let other = PostgresStore::connect_with(config.clone(), NoTls, options).await.unwrap();
    let store = connect(&config).await.unwrap();
    works(&store, &client).await;
    assert_eq!(store.stats(NOW).await.unwrap().waiting, 1);
    assert_eq!(other.stats(NOW).await.unwrap().subscriptions, 0);
}
