-- Times are microseconds since 1970. There are no foreign keys: they would make enqueueing lock rows that workers need.

CREATE TABLE gymhook.subscriptions (
    id          uuid PRIMARY KEY,
    gym         text NOT NULL,
    settings    text NOT NULL,
    secrets     bytea NOT NULL,
    record      text NOT NULL,
    disabled    boolean NOT NULL DEFAULT false,
    deleted_at  bigint,
    lease_owner uuid,
    lease_epoch bigint NOT NULL DEFAULT 0,
    lease_until bigint NOT NULL DEFAULT 0
);
CREATE INDEX subscriptions_by_gym ON gymhook.subscriptions (gym, id);
CREATE INDEX subscriptions_by_lease ON gymhook.subscriptions (lease_until, id) WHERE deleted_at IS NULL;

-- Drawn before the rows are written, since a row's check sum covers it.
CREATE SEQUENCE gymhook.orders;

-- What was enqueued: written once.
CREATE TABLE gymhook.notifications (
    seq         bigint PRIMARY KEY,
    id          uuid NOT NULL UNIQUE,
    endpoint    uuid NOT NULL,
    digest      bytea NOT NULL,
    event_type  text NOT NULL,
    enqueued_at bigint NOT NULL,
    test        boolean NOT NULL,
    body        bytea NOT NULL
);
CREATE INDEX notifications_by_endpoint ON gymhook.notifications (endpoint, seq);

-- Where each of them stands: narrow, because each attempt writes it anew.
CREATE TABLE gymhook.deliveries (
    seq           bigint PRIMARY KEY,
    endpoint      uuid NOT NULL,
    state         smallint NOT NULL,
    at            bigint NOT NULL,
    code          smallint NOT NULL,
    round         bigint NOT NULL,
    attempt       bigint NOT NULL,
    sends         bigint NOT NULL,
    first_failure bigint,
    probe         boolean NOT NULL,
    check_sum     bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX deliveries_by_state ON gymhook.deliveries (endpoint, state, at, seq);
-- For endpoints that keep order.
CREATE INDEX deliveries_waiting ON gymhook.deliveries (endpoint, seq) WHERE state = 0;

CREATE TABLE gymhook.attempts (
    seq      bigint NOT NULL,
    send     bigint NOT NULL,
    round    bigint NOT NULL,
    number   bigint NOT NULL,
    began    bigint,
    ended    bigint NOT NULL,
    outcome  text NOT NULL,
    status   integer,
    captured text,
    detail   text,
    PRIMARY KEY (seq, send)
);

CREATE TABLE gymhook.commands (
    number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint uuid NOT NULL,
    due      bigint NOT NULL,
    name     text NOT NULL,
    delivery uuid
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX commands_by_endpoint ON gymhook.commands (endpoint, due, number);

CREATE TABLE gymhook.api_keys (
    id         uuid PRIMARY KEY,
    digest     bytea NOT NULL CONSTRAINT api_keys_digest UNIQUE,
    label      text NOT NULL,
    writes     boolean NOT NULL,
    issued_at  bigint NOT NULL,
    revoked_at bigint
);
