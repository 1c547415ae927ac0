//! `classify`: what each SQLSTATE means for a store: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.

use tokio_postgres::error::{DbError, SqlState};

use gymhook_store::StoreError;

/// Which [`StoreError`] a state is.
#[derive(Clone, Copy)]
enum Kind {
    Damaged,
    Full,
    Invalid,
    ReadOnly,
    Unavailable,
}

/// What happened, and what to do.
type Meaning = (Kind, &'static str, &'static str);

/// What the server says, as a store's error: what happened, where, what PostgreSQL said, and what to do. What the values were
/// is in the server's detail, which nobody is told.
pub(super) fn classify(said: &DbError) -> StoreError {
    let code = said.code().code();
    // A session that begins writes a file of its own: PostgreSQL 15 and older have no code for a disk that is full then. Another
    // state with these words is somebody else's.
    if code == SqlState::INTERNAL_ERROR.code() && said.message() == "could not write init file" {
        return StoreError::Full;
    }
    let (kind, what, advice) = said.constraint().and_then(of_constraint).unwrap_or_else(|| meaning(code));
    let place = match (said.schema(), said.table()) {
        (Some(schema), Some(table)) => format!(" in {schema}.{table}"),
        _ => String::new(),
    };
    let problem = format!("{what}{place} (SQLSTATE {code}: {}): {advice}", said.message());
    match kind {
        Kind::Damaged => StoreError::Damaged { problem },
        Kind::Full => StoreError::Full,
        Kind::Invalid => StoreError::Invalid { problem },
        Kind::ReadOnly => StoreError::ReadOnly { problem },
        Kind::Unavailable => StoreError::Unavailable { problem },
    }
}

/// Whether the server undid everything, so that the call can begin again at once, on another connection.
pub(super) fn was_undone(state: &SqlState) -> bool {
    // After a failover the other connections may still lead to a server that no longer takes writes.
    let undone = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    undone.contains(state)
}

/// The meaning of a state, else that of its class, which is its first two letters.
fn meaning(code: &str) -> Meaning {
    of_state(code).or_else(|| code.get(..2).and_then(of_class)).unwrap_or(UNKNOWN)
}

const UNKNOWN: Meaning =
    (Kind::Unavailable, "the server reports an error", "check its log; the call is retried");

const POOLER: Meaning = (
    Kind::Invalid,
    "a connection pooler in between pools transactions, where prepared statements clash",
    "use PostgresOptions::with_pooling(Pooling::Transactions), or have it pool sessions",
);

const TAKEN: Meaning = (
    Kind::Invalid,
    "something that this program did not create has the name of one of its tables",
    "use another schema (PostgresOptions::with_schema)",
);

const SHUT_DOWN: Meaning = (
    Kind::Unavailable,
    "the server is stopping or starting",
    "nothing, if that was planned; otherwise check its log",
);

const UNDONE: Meaning = (
    Kind::Unavailable,
    "other transactions used the same rows, and the server rolled the call back",
    "the call is retried",
);

const ROLE: Meaning = (
    Kind::Invalid,
    "the server refuses the role",
    "check user, password, sslcert, and the server's pg_hba.conf",
);

/// The meaning of one of the tables' own constraints, which no row of this program breaks by itself.
fn of_constraint(name: &str) -> Option<Meaning> {
    Some(match name {
        "notifications_pkey" => (
            Kind::Invalid,
            "a row with this number already exists: the sequence `orders` is behind the rows, as after a restore of the data alone \
             or on a replica that took over",
            "set it above the greatest seq of the table `notifications` (setval)",
        ),
        "subscriptions_target" => (
            Kind::Invalid,
            "a subscription would have neither a URL and secrets nor a handler as its target",
            "find the trigger or the other program that writes to this table",
        ),
        _ => return None,
    })
}

#[rustfmt::skip]
const fn of_state(code: &str) -> Option<Meaning> {
    Some(match code.as_bytes() {
        b"08P01" => (Kind::Unavailable, "the server or a pooler in between cut the connection off", "check the pooler's log and limits (with PgBouncer: default_pool_size, query_wait_timeout)"),
        b"23505" => (Kind::Invalid, "a row with this key already exists", "if the key is a number, its sequence is behind the rows, as after a restore of the data alone or on a replica that took over: set the sequence above the greatest number (setval)"),
        b"42P06" | b"42P07" | b"42710" | b"42723" => TAKEN,
        b"25006" => (Kind::ReadOnly, "the server accepts no writes: it is a standby, or default_transaction_read_only is on", "connect to the primary, or name all hosts, as in host=a,b target_session_attrs=read-write"),
        b"25P03" => (Kind::Unavailable, "this program was too slow within a transaction, and the server rolled it back", "the call is retried; check whether the machine is overloaded"),
        b"25P04" => (Kind::Unavailable, "the call took longer than transaction_timeout", "raise that setting for this role"),
        b"26000" | b"42P05" => POOLER,
        b"3D000" => (Kind::Invalid, "the database does not exist", "create it, or correct dbname in the connection string"),
        b"3F000" => (Kind::Damaged, "this store's schema is missing", "another program dropped or renamed it"),
        b"40001" | b"40P01" => UNDONE,
        b"42501" => (Kind::ReadOnly, "the role lacks a privilege", "grant it USAGE on the schema and its sequences, and SELECT, INSERT, UPDATE and DELETE on its tables"),
        b"42703" => (Kind::Damaged, "a column of this store is missing", "another program dropped or renamed it"),
        b"42P01" => (Kind::Damaged, "a table of this store is missing", "another program dropped or renamed it"),
        b"53100" => (Kind::Full, "the disk is full", "free some space"),
        b"53200" => (Kind::Unavailable, "the server is out of memory", "lower work_mem or max_connections, or give it more memory"),
        b"53300" => (Kind::Unavailable, "the server has no connection left", "raise max_connections, or lower PostgresOptions::with_connections"),
        b"53400" => (Kind::Unavailable, "a limit of the server's configuration was reached", "raise the named limit (temp_file_limit, for example) for this role"),
        b"55P03" => (Kind::Unavailable, "a row or a table was locked for longer than lock_timeout", "find the session that holds it in pg_stat_activity"),
        b"57014" => (Kind::Unavailable, "the server ended the call: it took too long, or somebody cancelled it", "find out in pg_stat_activity what it waits for, or raise PostgresOptions::with_call_timeout"),
        b"57P01" | b"57P02" | b"57P03" => SHUT_DOWN,
        b"57P04" => (Kind::Unavailable, "the database was dropped while it was in use", "restore it, or correct dbname in the connection string"),
        b"57P05" => (Kind::Unavailable, "the server closed an idle connection (idle_session_timeout)", "the call is retried on another connection"),
        b"58030" => (Kind::Unavailable, "the server cannot read from or write to its disk", "check its log and the disk at once"),
        b"58P01" => (Kind::Damaged, "a file of the database is missing", "check the server's log"),
        b"XX001" => (Kind::Damaged, "data is corrupted", "check the server's log and the disk"),
        b"XX002" => (Kind::Damaged, "an index is corrupted", "try REINDEX first"),
        _ => return None,
    })
}

#[rustfmt::skip]
const fn of_class(class: &str) -> Option<Meaning> {
    Some(match class.as_bytes() {
        b"08" => (Kind::Unavailable, "the connection to the server failed", "the call is retried"),
        b"0A" => (Kind::Invalid, "the server lacks a feature", "use PostgreSQL itself, 13 or newer: other servers that speak its protocol may lack the feature"),
        b"22" => (Kind::Invalid, "the server cannot store a value as it is", "report this: the value should have been refused earlier"),
        b"23" => (Kind::Invalid, "a constraint refuses a row", "drop the constraint if somebody added it to the tables"),
        b"28" => ROLE,
        b"40" => UNDONE,
        b"42" => (Kind::Invalid, "the server rejects a statement of this program", "report this, with the server's version"),
        b"53" => (Kind::Unavailable, "the server lacks a resource", "check its log"),
        b"54" => (Kind::Invalid, "something is larger than the server can handle", "make it smaller"),
        b"55" => (Kind::Unavailable, "what the call needs is in use or not ready", "the call is retried"),
        b"57" => (Kind::Unavailable, "somebody intervened at the server", "the call is retried"),
        b"58" => (Kind::Unavailable, "the operating system failed the server", "check its log"),
        b"P0" => (Kind::Invalid, "a function or trigger that somebody added raises an error", "fix or drop it"),
        b"XX" => (Kind::Unavailable, "the server has an internal error", "check its log; if the error persists, check the tables with pg_amcheck"),
        _ => return None,
    })
}
