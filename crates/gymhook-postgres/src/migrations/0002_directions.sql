-- Which way a subscription's notifications go, and what was proved about one that came in.

ALTER TABLE gymhook.subscriptions ADD COLUMN incoming boolean NOT NULL DEFAULT false;
UPDATE gymhook.subscriptions SET incoming = true WHERE settings LIKE '%"platform":"inbox"%';
ALTER TABLE gymhook.notifications ADD COLUMN origin text;
