-- Version 3. How a repeat is recognised where senders give no ids. Of equal fingerprints only the last one kept has its own
-- written down; an outgoing delivery has none, and pays for the index with nothing.

ALTER TABLE gymhook_deliveries ADD COLUMN fingerprint BLOB;
CREATE UNIQUE INDEX gymhook_deliveries_by_fingerprint ON gymhook_deliveries (endpoint, fingerprint)
    WHERE fingerprint IS NOT NULL;
