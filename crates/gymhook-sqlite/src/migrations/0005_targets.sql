-- Version 5. What a subscription's notifications go to: an HTTP endpoint has a URL and secrets, a handler has neither. Before, an
-- inbox had a URL that led nowhere and a key that signed nothing.

CREATE TABLE gymhook_subscriptions_5 (
    id          BLOB NOT NULL PRIMARY KEY,
    gym         TEXT NOT NULL,
    settings    TEXT NOT NULL,
    secrets     BLOB,
    record      TEXT NOT NULL,
    disabled    INTEGER NOT NULL DEFAULT 0,
    deleted_at  INTEGER,
    lease_owner BLOB,
    lease_epoch INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    incoming    INTEGER NOT NULL DEFAULT 0,
    url         TEXT,
    CHECK (CASE incoming WHEN 0 THEN url IS NOT NULL AND secrets IS NOT NULL ELSE url IS NULL AND secrets IS NULL END)
) STRICT, WITHOUT ROWID;
-- Settings that are no JSON were unreadable before and are unreadable now: such a row has an empty URL.
INSERT INTO gymhook_subscriptions_5
SELECT id, gym, settings, CASE incoming WHEN 0 THEN secrets END, record, disabled, deleted_at, lease_owner, lease_epoch,
    lease_until, incoming,
    CASE incoming WHEN 0 THEN coalesce(CASE WHEN json_valid(settings) THEN settings ->> '$.url' END, '') END
FROM gymhook_subscriptions;
DROP TABLE gymhook_subscriptions;
ALTER TABLE gymhook_subscriptions_5 RENAME TO gymhook_subscriptions;
CREATE INDEX gymhook_subscriptions_by_gym ON gymhook_subscriptions (gym, id);
