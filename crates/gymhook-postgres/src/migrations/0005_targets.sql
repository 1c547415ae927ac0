-- What a subscription's notifications go to: an HTTP endpoint has a URL and secrets, a handler has neither. Before, an inbox had
-- a URL that led nowhere and a key that signed nothing.
--
-- Workers of version 4 that send go on, until a subscription is written by this version. Those that handle inboxes do not: stop
-- them first. What they leave is handled by the workers of this version.

ALTER TABLE gymhook.subscriptions ADD COLUMN url text, ALTER COLUMN secrets DROP NOT NULL;
-- Not as JSON, which would end at a NUL that some other text has escaped. Within a text, a quotation mark has a backslash before
-- it, so nothing else begins like the URL, which stands before the URLs of single types. Settings without one were unreadable
-- before and are unreadable now: such a row has an empty URL.
UPDATE gymhook.subscriptions SET url = coalesce(
    replace(replace(replace(substring(settings FROM '"url":"((?:[^"\\]|\\.)*)"'), '\\', chr(1)), '\"', '"'), chr(1), '\'), '')
    WHERE NOT incoming;
UPDATE gymhook.subscriptions SET secrets = NULL WHERE incoming;
ALTER TABLE gymhook.subscriptions ADD CONSTRAINT subscriptions_target CHECK (
    CASE WHEN incoming THEN url IS NULL AND secrets IS NULL ELSE url IS NOT NULL AND secrets IS NOT NULL END);
