-- What workers tell one another: how many endpoints each answers for, whether it asks for more, when it last looked for them, and
-- until when that counts. A worker of the version before neither tells anything nor gives endpoints up.

CREATE TABLE gymhook.workers (
    id           uuid PRIMARY KEY,
    incoming     boolean NOT NULL,
    endpoints    bigint NOT NULL,
    wants_more   boolean NOT NULL,
    looked_at    bigint NOT NULL,
    counts_until bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02);
