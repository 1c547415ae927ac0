-- Version 10. What workers tell one another: how many endpoints each answers for, whether it asks for more, when it last looked for
-- them, and until when that counts.

CREATE TABLE gymhook_workers (
    id           BLOB NOT NULL PRIMARY KEY,
    incoming     INTEGER NOT NULL,
    endpoints    INTEGER NOT NULL,
    wants_more   INTEGER NOT NULL,
    looked_at    INTEGER NOT NULL,
    counts_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
