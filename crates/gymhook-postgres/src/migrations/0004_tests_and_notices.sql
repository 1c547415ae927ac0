-- Test events are found though ten thousand deliveries wait before them. What a process of the version before enqueues meanwhile
-- is not marked here, and waits as it did before.

ALTER TABLE gymhook.deliveries ADD COLUMN test boolean NOT NULL DEFAULT false;
UPDATE gymhook.deliveries d SET test = true FROM gymhook.notifications n WHERE n.seq = d.seq AND n.test AND d.state IN (0, 1);
CREATE INDEX deliveries_tests ON gymhook.deliveries (endpoint, at, seq) WHERE test AND state = 0;

-- What an endpoint's owner has to be told, until somebody has.
CREATE TABLE gymhook.notices (
    number          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              uuid NOT NULL UNIQUE,
    endpoint        uuid NOT NULL,
    at              bigint NOT NULL,
    change          text NOT NULL,
    claimed_until   bigint NOT NULL DEFAULT 0,
    acknowledged_at bigint
);
CREATE INDEX notices_open ON gymhook.notices (number) WHERE acknowledged_at IS NULL;
