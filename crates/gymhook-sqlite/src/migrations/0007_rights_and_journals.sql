-- Version 7. An API key's rights are 0 (read), 1 (retry) or 2 (write): before, a key could read, or write as well.

ALTER TABLE gymhook_api_keys RENAME COLUMN writes TO rights;
UPDATE gymhook_api_keys SET rights = CASE rights WHEN 0 THEN 0 ELSE 2 END;

-- Bounded journals: which number each has used last, and their entries.
CREATE TABLE gymhook_journals (
    journal INTEGER PRIMARY KEY,
    last    INTEGER NOT NULL
) STRICT;

CREATE TABLE gymhook_journal (
    journal INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    gym     TEXT,
    subject TEXT NOT NULL,
    text    TEXT NOT NULL,
    PRIMARY KEY (journal, number)
) STRICT, WITHOUT ROWID;
