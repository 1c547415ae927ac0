-- Version 4. Test events are found though ten thousand deliveries wait before them, and what an endpoint's owner has to be told is
-- kept until somebody has.

CREATE INDEX gymhook_deliveries_tests ON gymhook_deliveries (endpoint, at, seq) WHERE test = 1 AND state = 0;

CREATE TABLE gymhook_notices (
    number          INTEGER PRIMARY KEY AUTOINCREMENT,
    id              BLOB NOT NULL UNIQUE,
    endpoint        BLOB NOT NULL,
    at              INTEGER NOT NULL,
    change          TEXT NOT NULL,
    claimed_until   INTEGER NOT NULL DEFAULT 0,
    acknowledged_at INTEGER
) STRICT;
CREATE INDEX gymhook_notices_open ON gymhook_notices (number) WHERE acknowledged_at IS NULL;
