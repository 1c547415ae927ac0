-- Version 1. Times are microseconds since 1970; ids are 16 bytes.

CREATE TABLE gymhook_subscriptions (
    id          BLOB NOT NULL PRIMARY KEY,
    gym         TEXT NOT NULL,
    settings    TEXT NOT NULL,
    secrets     BLOB NOT NULL,
    record      TEXT NOT NULL,
    disabled    INTEGER NOT NULL DEFAULT 0,
    deleted_at  INTEGER,
    lease_owner BLOB,
    lease_epoch INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX gymhook_subscriptions_by_gym ON gymhook_subscriptions (gym, id);

-- One row, so that an order can be drawn before anything else is locked.
CREATE TABLE gymhook_orders (next INTEGER NOT NULL) STRICT;
INSERT INTO gymhook_orders VALUES (1);

CREATE TABLE gymhook_deliveries (
    seq           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE,
    endpoint      BLOB NOT NULL,
    digest        BLOB NOT NULL,
    event_type    TEXT NOT NULL,
    enqueued_at   INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    code          INTEGER NOT NULL,
    round         INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    sends         INTEGER NOT NULL,
    first_failure INTEGER,
    test          INTEGER NOT NULL,
    probe         INTEGER NOT NULL,
    check_sum     INTEGER NOT NULL
) STRICT;
CREATE INDEX gymhook_deliveries_by_state ON gymhook_deliveries (endpoint, state, at, seq);
CREATE INDEX gymhook_deliveries_by_endpoint ON gymhook_deliveries (endpoint, seq);

CREATE TABLE gymhook_bodies (
    seq  INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE gymhook_attempts (
    seq      INTEGER NOT NULL,
    send     INTEGER NOT NULL,
    round    INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    began    INTEGER,
    ended    INTEGER NOT NULL,
    outcome  TEXT NOT NULL,
    status   INTEGER,
    captured TEXT,
    detail   TEXT,
    PRIMARY KEY (seq, send)
) STRICT, WITHOUT ROWID;

CREATE TABLE gymhook_commands (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint BLOB NOT NULL,
    due      INTEGER NOT NULL,
    name     TEXT NOT NULL,
    delivery BLOB
) STRICT;
CREATE INDEX gymhook_commands_by_endpoint ON gymhook_commands (endpoint, due, number);

CREATE TABLE gymhook_api_keys (
    id         BLOB NOT NULL PRIMARY KEY,
    digest     BLOB NOT NULL UNIQUE,
    label      TEXT NOT NULL,
    writes     INTEGER NOT NULL,
    issued_at  INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
