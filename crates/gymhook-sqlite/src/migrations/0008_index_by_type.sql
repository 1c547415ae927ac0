-- Version 8. Deliveries of a rare type are found without walking through the log. An entry of an index ends with its row's number,
-- which is `seq`: of each type the index has them in their order.

CREATE INDEX gymhook_deliveries_by_type ON gymhook_deliveries (event_type);
