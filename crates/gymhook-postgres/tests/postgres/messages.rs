//! What an operator is told, read by a person: what happened, where, what PostgreSQL said, what to do.

use gymhook_postgres::PostgresOptions;
use gymhook_postgres::PostgresStore;
use gymhook_postgres::tokio_postgres::{Config, NoTls};
use gymhook_store::{Command, NewNotification, StatsQuery, Store, StoreError, WriteCondition};

use crate::stage::{NOW, client, endpoint, execute, fresh, notification, shared, subscribe, subscription};

/// A trigger raises each state that is the type of an event; the server then says what its origin is, else `said`.
const RAISE: &str = "CREATE FUNCTION gymhook.raise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION '%', coalesce(NEW.origin, 'said') USING ERRCODE = NEW.event_type, DETAIL = 'a secret';
    END $$;
    CREATE TRIGGER raise BEFORE INSERT ON gymhook.notifications FOR EACH ROW EXECUTE FUNCTION gymhook.raise()";

const UNAVAILABLE: &str = "the database is not available: ";
const DAMAGED: &str = "the store is damaged: ";
const READ_ONLY: &str = "the store cannot be written to: ";
/// Those that say whose mistake it is.
const INVALID: &str = "";

/// Each state that can occur: which error it is, what happened, and what to do.
#[rustfmt::skip]
const STATES: &[(&str, &str, &str, &str)] = &[
    ("08006", UNAVAILABLE, "the connection to the server failed", "the call is retried"),
    ("08P01", UNAVAILABLE, "the server or a pooler in between cut the connection off", "check the pooler's log and limits (with PgBouncer: default_pool_size, query_wait_timeout)"),
    ("0A000", INVALID, "the server lacks a feature", "use PostgreSQL itself, 13 or newer: other servers that speak its protocol may lack the feature"),
    ("22001", INVALID, "the server cannot store a value as it is", "report this: the value should have been refused earlier"),
    ("22021", INVALID, "the server cannot store a value as it is", "report this: the value should have been refused earlier"),
    ("23502", INVALID, "a constraint refuses a row", "drop the constraint if somebody added it to the tables"),
    ("23514", INVALID, "a constraint refuses a row", "drop the constraint if somebody added it to the tables"),
    ("23505", INVALID, "a row with this key already exists", "if the key is a number, its sequence is behind the rows, as after a restore of the data alone or on a replica that took over: set the sequence above the greatest number (setval)"),
    ("25006", READ_ONLY, "the server accepts no writes: it is a standby, or default_transaction_read_only is on", "connect to the primary, or name all hosts, as in host=a,b target_session_attrs=read-write"),
    ("25P03", UNAVAILABLE, "this program was too slow within a transaction, and the server rolled it back", "the call is retried; check whether the machine is overloaded"),
    ("25P04", UNAVAILABLE, "the call took longer than transaction_timeout", "raise that setting for this role"),
    ("26000", INVALID, "a connection pooler in between pools transactions, where prepared statements clash", "use PostgresOptions::with_pooling(Pooling::Transactions), or have it pool sessions"),
    ("28000", INVALID, "the server refuses the role", "check user, password, sslcert, and the server's pg_hba.conf"),
    ("28P01", INVALID, "the server refuses the role", "check user, password, sslcert, and the server's pg_hba.conf"),
    ("3D000", INVALID, "the database does not exist", "create it, or correct dbname in the connection string"),
    ("3F000", DAMAGED, "this store's schema is missing", "another program dropped or renamed it; restore it from a backup"),
    ("40001", UNAVAILABLE, "other transactions used the same rows, and the server rolled the call back", "the call is retried"),
    ("40003", UNAVAILABLE, "other transactions used the same rows, and the server rolled the call back", "the call is retried"),
    ("40P01", UNAVAILABLE, "other transactions used the same rows, and the server rolled the call back", "the call is retried"),
    ("42501", READ_ONLY, "the role lacks a privilege", "grant it USAGE on the schema and its sequences, and SELECT, INSERT, UPDATE and DELETE on its tables"),
    ("42601", INVALID, "the server rejects a statement of this program", "report this, with the server's version"),
    ("42703", DAMAGED, "a column of this store is missing", "another program dropped or renamed it; restore it from a backup"),
    ("42883", INVALID, "the server rejects a statement of this program", "report this, with the server's version"),
    ("42P01", DAMAGED, "a table of this store is missing", "another program dropped or renamed it; restore it from a backup"),
    ("42P05", INVALID, "a connection pooler in between pools transactions, where prepared statements clash", "use PostgresOptions::with_pooling(Pooling::Transactions), or have it pool sessions"),
    ("42P06", INVALID, "something that this program did not create has the name of one of its tables", "use another schema (PostgresOptions::with_schema)"),
    ("42P07", INVALID, "something that this program did not create has the name of one of its tables", "use another schema (PostgresOptions::with_schema)"),
    ("42710", INVALID, "something that this program did not create has the name of one of its tables", "use another schema (PostgresOptions::with_schema)"),
    ("42723", INVALID, "something that this program did not create has the name of one of its tables", "use another schema (PostgresOptions::with_schema)"),
    ("53000", UNAVAILABLE, "the server lacks a resource", "check its log"),
    ("53200", UNAVAILABLE, "the server is out of memory", "lower work_mem or max_connections, or give it more memory"),
    ("53300", UNAVAILABLE, "the server has no connection left", "raise max_connections, or lower PostgresOptions::with_connections"),
    ("53400", UNAVAILABLE, "a limit of the server's configuration was reached", "raise the named limit (temp_file_limit, for example) for this role"),
    ("54000", INVALID, "something is larger than the server can handle", "make it smaller"),
    ("55006", UNAVAILABLE, "what the call needs is in use or not ready", "the call is retried"),
    ("55P03", UNAVAILABLE, "a row or a table was locked for longer than lock_timeout", "find the session that holds it in pg_stat_activity"),
    ("57000", UNAVAILABLE, "somebody intervened at the server", "the call is retried"),
    ("57014", UNAVAILABLE, "the server ended the call: it took too long, or somebody cancelled it", "find out in pg_stat_activity what it waits for, or raise PostgresOptions::with_call_timeout"),
    ("57P01", UNAVAILABLE, "the server is stopping or starting", "nothing, if that was planned; otherwise check its log"),
    ("57P02", UNAVAILABLE, "the server is stopping or starting", "nothing, if that was planned; otherwise check its log"),
    ("57P03", UNAVAILABLE, "the server is stopping or starting", "nothing, if that was planned; otherwise check its log"),
    ("57P04", UNAVAILABLE, "the database was dropped while it was in use", "restore it, or correct dbname in the connection string"),
    ("57P05", UNAVAILABLE, "the server closed an idle connection (idle_session_timeout)", "the call is retried on another connection"),
    ("58000", UNAVAILABLE, "the operating system failed the server", "check its log"),
    ("58030", UNAVAILABLE, "the server cannot read from or write to its disk", "check its log and the disk at once"),
    ("58P01", DAMAGED, "a file of the database is missing", "check the server's log; restore it from a backup"),
    ("72000", UNAVAILABLE, "the server reports an error", "check its log; the call is retried"),
    ("P0001", INVALID, "a function or trigger that somebody added raises an error", "fix or drop it"),
    ("XX000", UNAVAILABLE, "the server has an internal error", "check its log; if the error persists, check the tables with pg_amcheck"),
    ("XX001", DAMAGED, "data is corrupted", "check the server's log and the disk; restore it from a backup"),
    ("XX002", DAMAGED, "an index is corrupted", "try REINDEX first; restore it from a backup"),
];

#[tokio::test]
async fn each_state_of_the_server_says_what_happened_and_what_to_do() {
    let store = fresh().await;
    let client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    execute(&client, &store, RAISE).await;
    for (state, kind, what, advice) in STATES {
        let new = NewNotification { event_type: (*state).to_owned(), ..notification(1, 1) };
        let error = store.enqueue(vec![new], NOW).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{kind}{what} (SQLSTATE {state}: said): {advice}"));
        assert_eq!(error.is_transient(), *kind == UNAVAILABLE, "{state}");
    }
    let new = NewNotification { event_type: "53100".to_owned(), ..notification(1, 1) };
    let full = store.enqueue(vec![new], NOW).await.unwrap_err();
    assert_eq!(full.to_string(), "the disk is full: free some space; nothing was lost");
    assert_eq!(store.stats(StatsQuery::new(), NOW).await.unwrap().waiting, 0);
}

/// PostgreSQL 15 and older have no code for a disk that is full while a session begins; whoever else says so means something else.
#[tokio::test]
async fn a_session_that_cannot_begin_is_told_by_its_state_and_its_words() {
    let store = fresh().await;
    let client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    execute(&client, &store, RAISE).await;
    for (state, is_full) in [("XX000", true), ("P0001", false), ("58030", false)] {
        let origin = Some("could not write init file".to_owned());
        let new = NewNotification { event_type: state.to_owned(), origin, ..notification(1, 1) };
        let error = store.enqueue(vec![new], NOW).await.unwrap_err();
        assert_eq!(error == StoreError::Full, is_full, "{state}: {error:?}");
    }
}

/// A number that is drawn twice: the table tells which sequence is behind.
#[tokio::test]
async fn the_sequence_at_fault_is_that_of_the_table() {
    let store = fresh().await;
    let client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    store.command(vec![(endpoint(1), Command::Reload)], NOW).await.unwrap();
    execute(&client, &store, "ALTER SEQUENCE gymhook.commands_number_seq RESTART WITH 1").await;
    let error = store.command(vec![(endpoint(1), Command::Reload)], NOW).await.unwrap_err();
    let expected =
        format!("a row with this key already exists in {}.commands (SQLSTATE 23505: ", store.schema());
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(!error.to_string().contains("orders"), "{error}");
}

/// What writes such a row is not somebody's constraint but another program, or a trigger.
#[tokio::test]
async fn a_target_that_is_neither_is_said_as_such() {
    let store = fresh().await;
    let client = client(&shared()).await;
    let change = "CREATE FUNCTION gymhook.change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            NEW.url := NULL;
            RETURN NEW;
        END $$;
        CREATE TRIGGER change BEFORE INSERT ON gymhook.subscriptions FOR EACH ROW EXECUTE FUNCTION gymhook.change()";
    execute(&client, &store, change).await;
    let error = store.put_subscription(subscription(1), WriteCondition::Always, NOW).await.unwrap_err();
    let expected = format!(
        "a subscription would have neither a URL and secrets nor a handler as its target in {}.subscriptions (SQLSTATE 23514: ",
        store.schema()
    );
    assert!(error.to_string().starts_with(&expected), "{error}");
    let advice = ": find the trigger or the other program that writes to this table";
    assert!(error.to_string().ends_with(advice), "{error}");
}

#[tokio::test]
async fn the_table_at_fault_is_named() {
    let store = fresh().await;
    let client = client(&shared()).await;
    subscribe(&store, &client, 1..=1).await;
    execute(
        &client,
        &store,
        "ALTER TABLE gymhook.notifications ADD CONSTRAINT short CHECK (length(event_type) < 3)",
    )
    .await;
    let error = store.enqueue(vec![notification(1, 1)], NOW).await.unwrap_err();
    let expected =
        format!("a constraint refuses a row in {}.notifications (SQLSTATE 23514: ", store.schema());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

/// Connection strings that can never lead anywhere, and what is said of them behind the words that are common to all.
#[rustfmt::skip]
const STRINGS: &[(&str, &str)] = &[
    ("", "no host is named: add host=… or postgresql://user@HOST/database"),
    ("user=gym dbname=gym", "no host is named: add host=… or postgresql://user@HOST/database"),
    ("postgresql:///gym", "no host is named: add host=… or postgresql://user@HOST/database"),
    ("postgresql://localhost/gym?schema=hooks", "unknown option \"schema\": name the schema with PostgresOptions::with_schema"),
    ("host=localhost pgbouncer=true", "unknown option \"pgbouncer\": a pooler is detected, or set with PostgresOptions::with_pooling"),
    ("postgresql://localhost/gym?connection_limit=5", "unknown option \"connection_limit\": use PostgresOptions::with_connections"),
    ("host=localhost statement_timeout=5", "unknown option \"statement_timeout\": use PostgresOptions::with_call_timeout"),
    ("host=localhost sslcrl=x", "unknown option \"sslcrl\": remove it, or set it on a tokio_postgres::Config and use PostgresStore::connect_with"),
    ("postgresql://localhost/gym?sslmode=verify-full", "sslmode=verify-full needs sslrootcert: the path of the CA's certificate in PEM, or `system` for the CAs that browsers trust"),
    ("postgresql://localhost/gym?sslmode=verify-ca", "sslmode=verify-ca needs sslrootcert: the path of the CA's certificate in PEM, or `system` for the CAs that browsers trust"),
    ("host=localhost sslmode=verify-ca sslrootcert=system", "sslrootcert=system with sslmode=verify-ca proves nothing: use sslmode=verify-full"),
    ("host=localhost sslmode=allow", "sslmode is \"allow\": use disable, prefer, require, verify-ca or verify-full"),
    ("host=localhost sslcert=/x", "sslcert and sslkey go together: name both files, in PEM"),
    ("host=localhost port=many", "invalid value for option `port`"),
    ("host=a,b,c port=1,2", "port names 2 and host 3: give each host its port, or all of them one"),
    ("host=a,b hostaddr=192.0.2.1", "2 are named by host and 1 by hostaddr: give each host its address, or leave hostaddr out"),
    ("host=localhost password='open", "the value of password has an opening quote and no closing one"),
    ("localhost", "an option has no value: write name=value"),
];

#[tokio::test]
async fn a_connection_string_that_leads_nowhere_says_why() {
    for (text, problem) in STRINGS {
        let error = PostgresStore::connect(text, PostgresOptions::new()).await.unwrap_err();
        assert!(matches!(error, StoreError::Invalid { .. }), "{text:?}: {error:?}");
        assert_eq!(
            error.to_string(),
            format!("the connection settings cannot be used: {problem}"),
            "{text:?}"
        );
    }
    let nowhere =
        PostgresStore::connect_with(Config::new(), NoTls, PostgresOptions::new()).await.unwrap_err();
    let problem = "the connection settings cannot be used: no host is named: add host=… or postgresql://user@HOST/database";
    assert_eq!(nowhere.to_string(), problem);
}
