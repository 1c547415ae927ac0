-- What was not delivered is found without reading what was. The index has those alone that were given up, cancelled, quarantined or
-- cannot be read, so that a delivery that goes well never writes it. It reads the table once while nobody enqueues.

CREATE INDEX deliveries_not_delivered ON gymhook.deliveries (endpoint, state, seq) WHERE state > 2;
