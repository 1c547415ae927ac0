-- Version 7. An API key's rights are 0 (read), 1 (retry) or 2 (write): before, a key could read, or write as well.

ALTER TABLE gymhook_api_keys RENAME COLUMN writes TO rights;
UPDATE gymhook_api_keys SET rights = CASE rights WHEN 0 THEN 0 ELSE 2 END;
