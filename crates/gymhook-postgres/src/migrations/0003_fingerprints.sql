-- How a repeat is recognised where senders give no ids. Of equal fingerprints only the last one kept has its own written down;
-- an outgoing notification has none. The index reads the table once while nobody enqueues, and is empty.

ALTER TABLE gymhook.notifications ADD COLUMN fingerprint bytea;
CREATE UNIQUE INDEX notifications_by_fingerprint ON gymhook.notifications (endpoint, fingerprint)
    WHERE fingerprint IS NOT NULL;
