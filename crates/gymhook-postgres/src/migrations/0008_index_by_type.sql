-- Notifications of a rare type are found without reading the whole log. The index reads the table once while nobody enqueues. With
-- the sequence number in it its entries are in the order of a list, so that of a frequent type few are read.

CREATE INDEX notifications_by_type ON gymhook.notifications (event_type, seq);
