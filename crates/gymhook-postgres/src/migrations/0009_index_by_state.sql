-- What was not delivered is found without reading what was. These indexes have those alone that were given up, cancelled,
-- quarantined or cannot be read, so that a delivery that goes well never writes them: of one endpoint, and of all. They read the
-- table once while nobody enqueues.

CREATE INDEX deliveries_not_delivered ON gymhook.deliveries (endpoint, state, seq) WHERE state > 2;
CREATE INDEX deliveries_not_delivered_latest ON gymhook.deliveries (state, seq) WHERE state > 2;
