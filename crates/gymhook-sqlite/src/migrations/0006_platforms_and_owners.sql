-- Version 6. A subscription's platform in a column, for the log; whose an API key is (NULL: no gym's, it may see all); and API keys
-- page by page.

ALTER TABLE gymhook_subscriptions ADD COLUMN platform TEXT NOT NULL DEFAULT '';
UPDATE gymhook_subscriptions SET platform = json_extract(settings, '$.platform')
    WHERE json_valid(settings) AND json_type(settings, '$.platform') = 'text';

ALTER TABLE gymhook_api_keys ADD COLUMN gym TEXT;
CREATE INDEX gymhook_api_keys_by_time ON gymhook_api_keys (issued_at, id);
CREATE INDEX gymhook_api_keys_by_gym ON gymhook_api_keys (gym, issued_at, id) WHERE gym IS NOT NULL;
