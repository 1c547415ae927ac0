-- Version 2. Which way a subscription's notifications go, and what was proved about one that came in.

ALTER TABLE gymhook_subscriptions ADD COLUMN incoming INTEGER NOT NULL DEFAULT 0;
UPDATE gymhook_subscriptions SET incoming = 1 WHERE settings LIKE '%"platform":"inbox"%';
ALTER TABLE gymhook_deliveries ADD COLUMN origin TEXT;
