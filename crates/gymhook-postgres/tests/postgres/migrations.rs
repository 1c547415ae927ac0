//! The tables come to be as a whole or not at all, whoever makes them, whenever it is cut off.

use gymhook_postgres::tokio_postgres::{Client, NoTls};
use gymhook_postgres::{PostgresOptions, PostgresStore, Schema};
use gymhook_store::{ApiKeyOwner, ApiKeyRights, ApiKeyRotation, ApiKeyRow, StatsQuery, Store, StoreError};
use gymhook_test_postgres::fresh_schema;

use crate::stage::{NOW, client, connect, fresh_database, notification, soon, subscribe};

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
        assert_eq!(store.stats(StatsQuery::new(), NOW).await.unwrap().waiting, 0);
    }
    let versions = client.query("SELECT version FROM gymhook.gymhook_schema", &[]).await.unwrap();
    assert_eq!(
        versions.iter().map(|row| row.get(0)).collect::<Vec<i64>>(),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        "each was done once"
    );
    works(&connect(&config).await.unwrap(), &client).await;
}

#[tokio::test]
async fn tables_of_a_newer_program_are_left_alone() {
    let config = fresh_database().await;
    let client = client(&config).await;
    works(&connect(&config).await.unwrap(), &client).await;
    client.batch_execute("INSERT INTO gymhook.gymhook_schema (version) VALUES (11)").await.unwrap();
    let refused = connect(&config).await.unwrap_err();
    assert_eq!(refused, StoreError::Schema { found: 11, known: 10 });
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
    assert_eq!(store.stats(StatsQuery::new(), NOW).await.unwrap().waiting, 1);
    assert_eq!(other.stats(StatsQuery::new(), NOW).await.unwrap().subscriptions, 0);
}

/// What makes the tables of each version from those of the one before.
const STEPS: [&str; 9] = [
    include_str!("../../src/migrations/0001_tables.sql"),
    include_str!("../../src/migrations/0002_directions.sql"),
    include_str!("../../src/migrations/0003_fingerprints.sql"),
    include_str!("../../src/migrations/0004_tests_and_notices.sql"),
    include_str!("../../src/migrations/0005_targets.sql"),
    include_str!("../../src/migrations/0006_platforms_and_owners.sql"),
    include_str!("../../src/migrations/0007_rights_and_journals.sql"),
    include_str!("../../src/migrations/0008_index_by_type.sql"),
    include_str!("../../src/migrations/0009_index_by_state.sql"),
];

/// Tables of this version with an inbox, another subscription, one with an odd platform, a damaged one, and a notification and a
/// test event that wait.
async fn make_tables_of(version: usize, client: &Client) {
    make_tables_with(version, client, "").await;
}

/// The same, with other rows behind these. All were written by version 4 at the latest.
async fn make_tables_with(version: usize, client: &Client, more: &str) {
    let table = "CREATE SCHEMA gymhook; CREATE TABLE gymhook.gymhook_schema
        (version bigint PRIMARY KEY, migrated_at timestamptz NOT NULL DEFAULT now())";
    client.batch_execute(table).await.unwrap();
    let step = async |number: usize| {
        client.batch_execute(STEPS[number - 1]).await.unwrap();
        let done = format!("INSERT INTO gymhook.gymhook_schema (version) VALUES ({number})");
        client.batch_execute(&done).await.unwrap();
    };
    for number in 1..=version.min(4) {
        step(number).await;
    }
    let rows = r#"INSERT INTO gymhook.subscriptions (id, gym, settings, secrets, record) VALUES
            ('00000000-0000-0000-0000-000000000008', '', '{"platform":"inbox"}', '', '{}'),
            ('00000000-0000-0000-0000-000000000009', 'berlin', '{"platform":"point"}', '', '{}'),
            ('00000000-0000-0000-0000-00000000000a', 'wien', '{"platform":"my \\ \"gym\"","label":"\"platform\":\"egym\""}', '', '{}'),
            ('00000000-0000-0000-0000-00000000000b', 'wien', '{', '', '{}');
        INSERT INTO gymhook.api_keys (id, digest, label, writes, issued_at) VALUES
            ('00000000-0000-0000-0000-00000000000c', '\x07', 'old', true, 5),
            ('00000000-0000-0000-0000-00000000000d', '\x08', 'old', false, 5);
        INSERT INTO gymhook.notifications (seq, id, endpoint, digest, event_type, enqueued_at, test, body) VALUES
            (7, '00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000009', '\x04', 'a', 5, false, '\x7b7d'),
            (8, '00000000-0000-0000-0000-000000000004', '00000000-0000-0000-0000-000000000009', '\x04', 'TEST', 5, true, '\x7b7d');
        INSERT INTO gymhook.deliveries
            (seq, endpoint, state, at, code, round, attempt, sends, first_failure, probe, check_sum) VALUES
            (7, '00000000-0000-0000-0000-000000000009', 0, 5, 0, 1, 1, 0, NULL, false, 9),
            (8, '00000000-0000-0000-0000-000000000009', 0, 5, 0, 1, 1, 0, NULL, false, 9)"#;
    client.batch_execute(rows).await.unwrap();
    if version >= 4 {
        client.batch_execute("UPDATE gymhook.deliveries SET test = true WHERE seq = 8").await.unwrap();
    }
    client.batch_execute(more).await.unwrap();
    for number in 5..=version {
        step(number).await;
    }
}

#[tokio::test]
async fn tables_of_any_version_are_brought_up_to_date() {
    for version in 1..=STEPS.len() {
        let config = fresh_database().await;
        let client = client(&config).await;
        make_tables_of(version, &client).await;
        let store = connect(&config).await.unwrap();
        let versions = client.query("SELECT version FROM gymhook.gymhook_schema", &[]).await.unwrap();
        assert_eq!(
            versions.iter().map(|row| row.get(0)).collect::<Vec<i64>>(),
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        );
        let kept =
            "SELECT convert_from(body, 'UTF8'), origin, fingerprint FROM gymhook.notifications WHERE seq = 7";
        let kept = client.query_one(kept, &[]).await.unwrap();
        assert_eq!((kept.get(0), kept.get::<_, Option<String>>(1)), ("{}", None), "version {version}");
        assert_eq!(kept.get::<_, Option<Vec<u8>>>(2), None);
        let tests = client.query("SELECT test FROM gymhook.deliveries ORDER BY seq", &[]).await.unwrap();
        assert_eq!(
            tests.iter().map(|row| row.get(0)).collect::<Vec<bool>>(),
            [false, true],
            "version {version}"
        );
        assert_eq!(store.claim_notices(9, core::time::Duration::ZERO, NOW).await, Ok(Vec::new()));
        if version == 1 {
            let incoming =
                client.query("SELECT incoming FROM gymhook.subscriptions ORDER BY id", &[]).await.unwrap();
            assert_eq!(
                incoming.iter().map(|row| row.get(0)).collect::<Vec<bool>>(),
                [true, false, false, false]
            );
        }
        let platforms =
            client.query("SELECT platform FROM gymhook.subscriptions ORDER BY id", &[]).await.unwrap();
        assert_eq!(
            platforms.iter().map(|row| row.get(0)).collect::<Vec<&str>>(),
            ["inbox", "point", "my \\ \"gym\"", ""],
            "version {version}"
        );
        let keys = client.query("SELECT gym, rights FROM gymhook.api_keys ORDER BY id", &[]).await.unwrap();
        assert_eq!(
            keys.iter().map(|row| (row.get(0), row.get(1))).collect::<Vec<(Option<&str>, i16)>>(),
            [(None, ApiKeyRights::Write.code()), (None, ApiKeyRights::Read.code())],
            "old keys are owned by all, and have the rights that they had"
        );
        client
            .batch_execute("DELETE FROM gymhook.subscriptions; DELETE FROM gymhook.notifications")
            .await
            .unwrap();
        works(&store, &client).await;
    }
}

#[tokio::test]
async fn tables_of_any_version_have_their_targets_as_columns() {
    for version in 1..=STEPS.len() {
        let config = fresh_database().await;
        let client = client(&config).await;
        let incoming = if version > 1 { ", incoming = true" } else { "" };
        let rows = format!(
            r#"DELETE FROM gymhook.subscriptions WHERE gym = 'wien';
            UPDATE gymhook.subscriptions SET secrets = '\x07', settings =
                '{{"platform":"inbox","url":"http://handled-here.invalid/"}}'{incoming} WHERE gym = '';
            UPDATE gymhook.subscriptions SET secrets = '\x07', settings =
                '{{"label":"\u0000\"url\":\"https://a/\"","url":"https://b/\"c\"\\","urls":{{"x":"https://d/"}}}}' WHERE gym <> '';
            INSERT INTO gymhook.subscriptions (id, gym, settings, secrets, record) VALUES
                ('00000000-0000-0000-0000-00000000000a', 'berlin', 'no JSON', '', '{{}}'),
                ('00000000-0000-0000-0000-00000000000b', 'berlin', '{{}}', '', '{{}}')"#
        );
        make_tables_with(version, &client, &rows).await;
        let store = connect(&config).await.unwrap();
        let sql = "SELECT incoming, url, secrets, gym FROM gymhook.subscriptions ORDER BY id";
        type Target = (bool, Option<String>, Option<Vec<u8>>, String);
        let targets: Vec<Target> = client
            .query(sql, &[])
            .await
            .unwrap()
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
            .collect();
        let http = |url: &str, secrets: &[u8]| {
            (false, Some(url.to_owned()), Some(secrets.to_vec()), "berlin".to_owned())
        };
        // Those that nobody could read cannot be read now either, and keep the others from nothing.
        let expected = [
            (true, None, None, String::new()),
            http(r#"https://b/"c"\"#, &[7]),
            http("", &[]),
            http("", &[]),
        ];
        assert_eq!(targets, expected, "version {version}");
        drop(store);
    }
}

#[tokio::test]
async fn a_target_is_an_endpoint_or_a_handler_and_nothing_between() {
    let config = fresh_database().await;
    let client = client(&config).await;
    drop(connect(&config).await.unwrap());
    let insert = async |incoming: bool, url: Option<&str>, secrets: Option<&[u8]>| {
        let sql = "INSERT INTO gymhook.subscriptions (id, gym, settings, record, incoming, url, secrets)
            VALUES (gen_random_uuid(), '', '{}', '{}', $1, $2, $3)";
        client.execute(sql, &[&incoming, &url, &secrets]).await.is_ok()
    };
    let (url, secrets) = (Some("https://a/"), Some(&b"7"[..]));
    assert!(insert(false, url, secrets).await && insert(true, None, None).await);
    for incoming in [false, true] {
        assert!(!insert(incoming, url, None).await && !insert(incoming, None, secrets).await);
    }
    assert!(!insert(false, None, None).await && !insert(true, url, secrets).await);
}

/// It goes on while others are of this version: what it issues is what it says, and it takes a key that retries for one that reads.
#[tokio::test]
async fn keys_of_a_process_of_version_6_have_the_rights_that_they_had() {
    let config = fresh_database().await;
    let client = client(&config).await;
    let store = connect(&config).await.unwrap();
    client
        .batch_execute(
            "INSERT INTO gymhook.api_keys (id, digest, label, writes, issued_at) VALUES
                ('00000000-0000-0000-0000-00000000000c', decode(repeat('07', 32), 'hex'), 'old', true, 5),
                ('00000000-0000-0000-0000-00000000000d', decode(repeat('08', 32), 'hex'), 'old', false, 5)",
        )
        .await
        .unwrap();
    for (digest, rights) in [([7; 32], ApiKeyRights::Write), ([8; 32], ApiKeyRights::Read)] {
        let old = store.api_key_by_digest(digest).await.unwrap().unwrap();
        assert_eq!(old.rights, rights);
        let (id, new) = (uuid::Uuid::from_u128(old.id.as_u128() + 0x10), digest.map(|byte| byte + 0x10));
        let rotation = ApiKeyRotation { old: old.id, old_ends: NOW, id, digest: new, issued_at: NOW };
        assert_eq!(store.rotate_api_key(rotation).await.unwrap().unwrap().rights, rights);
        assert_eq!(store.api_key_by_digest(new).await.unwrap().unwrap().rights, rights);
    }
    for (rights, writes) in ApiKeyRights::ALL.into_iter().zip([false, false, true]) {
        let digest = [rights as u8; 32];
        let key = ApiKeyRow {
            id: uuid::Uuid::from_u128(0xF0),
            digest,
            owner: ApiKeyOwner::All,
            label: "new".to_owned(),
            rights,
            issued_at: NOW,
            revoked_at: None,
        };
        store.put_api_key(key).await.unwrap();
        let read =
            client.query_one("SELECT writes FROM gymhook.api_keys WHERE label = 'new'", &[]).await.unwrap();
        assert_eq!(read.get::<_, bool>(0), writes, "{rights:?}");
    }
}

/// Some set this for programs that are older than the standard's strings: there a backslash in a step would be an escape.
#[tokio::test]
async fn a_role_with_other_strings_brings_tables_up_to_date_alike() {
    for version in [4, 5] {
        let config = fresh_database().await;
        let client = client(&config).await;
        let rows = r#"UPDATE gymhook.subscriptions SET settings = '{"platform":"a\\b\"","url":"https://b/\"c\"\\"}'
            WHERE gym = 'berlin'"#;
        make_tables_with(version, &client, rows).await;
        let database = config.get_dbname().unwrap();
        let off = format!("ALTER DATABASE {database} SET standard_conforming_strings = off");
        client.batch_execute(&off).await.unwrap();
        let store = connect(&config).await.unwrap();
        let sql = "SELECT platform, url FROM gymhook.subscriptions WHERE gym = 'berlin'";
        let read = client.query_one(sql, &[]).await.unwrap();
        let read: (&str, &str) = (read.get(0), read.get(1));
        assert_eq!(read, (r#"a\b""#, r#"https://b/"c"\"#), "version {version}");
        drop(store);
    }
}
