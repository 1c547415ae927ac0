-- An API key's rights are 0 (read), 1 (retry) or 2 (write): before, a key could read, or write as well. What a process of the version
-- before issues meanwhile has none in its column, and those that `writes` says.

ALTER TABLE gymhook.api_keys ADD COLUMN rights smallint;
UPDATE gymhook.api_keys SET rights = CASE WHEN writes THEN 2 ELSE 0 END;

-- Bounded journals: which number each has used last, and their entries. Whoever draws a number holds its row until it has appended,
-- so that numbers have no gap and are in the order of commits.
CREATE TABLE gymhook.journals (
    journal smallint PRIMARY KEY,
    last    bigint NOT NULL
);

CREATE TABLE gymhook.journal (
    journal smallint NOT NULL,
    number  bigint NOT NULL,
    at      bigint NOT NULL,
    gym     text,
    subject text NOT NULL,
    text    text NOT NULL,
    PRIMARY KEY (journal, number)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
