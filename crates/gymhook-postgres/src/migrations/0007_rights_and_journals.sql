-- An API key's rights are 0 (read), 1 (retry) or 2 (write): before, a key could read, or write as well. What a process of the version
-- before issues meanwhile has none in its column, and those that `writes` says.

ALTER TABLE gymhook.api_keys ADD COLUMN rights smallint;
UPDATE gymhook.api_keys SET rights = CASE WHEN writes THEN 2 ELSE 0 END;
