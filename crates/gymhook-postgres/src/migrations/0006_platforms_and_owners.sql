-- A subscription's platform in a column, for the log; whose an API key is (NULL: no gym's, it may see all); and API keys page by
-- page. The settings are not read as JSON here, since a damaged row must not stop the others: the platform is their first
-- field, and of what JSON escapes only quotes and backslashes come in names.

ALTER TABLE gymhook.subscriptions ADD COLUMN platform text NOT NULL DEFAULT '';
UPDATE gymhook.subscriptions SET platform = coalesce(
    regexp_replace(substring(settings FROM '"platform":"((?:[^"\\]|\\.)*)"'), '\\(["\\])', '\1', 'g'), '');

ALTER TABLE gymhook.api_keys ADD COLUMN gym text;
CREATE INDEX api_keys_by_time ON gymhook.api_keys (issued_at, id);
CREATE INDEX api_keys_by_gym ON gymhook.api_keys (gym, issued_at, id) WHERE gym IS NOT NULL;
