-- Version 9. Leases are read and written all the time, and SQLite reads the later columns of a long row from other pages. So the
-- short columns come first, and an index has everything that the look for an endpoint without an owner needs. The table has row
-- ids, since without them a long row is an entry of an index, and a search for its id reads each one that it passes, whole.

CREATE TABLE gymhook_subscriptions_9 (
    id          BLOB NOT NULL PRIMARY KEY,
    lease_epoch INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    lease_owner BLOB,
    deleted_at  INTEGER,
    disabled    INTEGER NOT NULL DEFAULT 0,
    incoming    INTEGER NOT NULL DEFAULT 0,
    gym         TEXT NOT NULL,
    platform    TEXT NOT NULL DEFAULT '',
    url         TEXT,
    record      TEXT NOT NULL,
    settings    TEXT NOT NULL,
    secrets     BLOB,
    CHECK (CASE incoming WHEN 0 THEN url IS NOT NULL AND secrets IS NOT NULL ELSE url IS NULL AND secrets IS NULL END)
) STRICT;
INSERT INTO gymhook_subscriptions_9
SELECT id, lease_epoch, lease_until, lease_owner, deleted_at, disabled, incoming, gym, platform, url, record, settings, secrets
FROM gymhook_subscriptions;
DROP TABLE gymhook_subscriptions;
ALTER TABLE gymhook_subscriptions_9 RENAME TO gymhook_subscriptions;
CREATE INDEX gymhook_subscriptions_by_gym ON gymhook_subscriptions (gym, id);
CREATE INDEX gymhook_subscriptions_by_lease ON gymhook_subscriptions (lease_until, id, incoming, disabled, lease_owner, deleted_at)
    WHERE deleted_at IS NULL;
