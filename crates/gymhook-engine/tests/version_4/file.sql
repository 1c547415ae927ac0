-- A file with version 4 of the tables, as SQL: inboxes with what they had accepted and not handled yet, and subscriptions to HTTP
-- endpoints. The engine of that time wrote it; its times were set back by two years.

PRAGMA user_version = 4;
BEGIN TRANSACTION;
CREATE TABLE gymhook_api_keys (
    id         BLOB NOT NULL PRIMARY KEY,
    digest     BLOB NOT NULL UNIQUE,
    label      TEXT NOT NULL,
    writes     INTEGER NOT NULL,
    issued_at  INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE gymhook_attempts (
    seq      INTEGER NOT NULL,
    send     INTEGER NOT NULL,
    round    INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    began    INTEGER,
    ended    INTEGER NOT NULL,
    outcome  TEXT NOT NULL,
    status   INTEGER,
    captured TEXT,
    detail   TEXT,
    PRIMARY KEY (seq, send)
) STRICT, WITHOUT ROWID;
INSERT INTO "gymhook_attempts" VALUES(1,1,1,1,1732799561414466,1732799561414479,'response',500,NULL,'the database is away');
CREATE TABLE gymhook_bodies (
    seq  INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;
INSERT INTO "gymhook_bodies" VALUES(1,X'7B22656E746974794964223A373839333435392C2275756964223A2230393562653631352D613861642D346333332D386539632D633736313266626636633966222C227061796C6F6164223A5B7B2274696D657374616D70223A313634323737383732353837362C2274797065223A22435553544F4D45525F434845434B494E227D2C7B2274696D657374616D70223A313634323737383732353837372C2274797065223A22435553544F4D45525F55504441544544227D5D7D');
INSERT INTO "gymhook_bodies" VALUES(2,X'7B226576656E74223A22436F6E747261637443726561746564222C2274726967676572656444617465223A22323032362D30312D30315431323A30303A30305A222C2264617461223A7B22636F6E74726163744964223A33303737312C22757365724964223A353132307D7D');
INSERT INTO "gymhook_bodies" VALUES(3,X'7B226576656E74223A227061796D656E742E6661696C6564222C2264617461223A7B22616D6F756E74223A312C22616D6F756E74223A327D7D');
INSERT INTO "gymhook_bodies" VALUES(4,X'3137');
INSERT INTO "gymhook_bodies" VALUES(5,X'7B226576656E74223A226D656D6265722E63726561746564222C2264617461223A7B226D656D626572223A31377D7D');
INSERT INTO "gymhook_bodies" VALUES(6,X'7B22776F726B6F7574223A317D');
CREATE TABLE gymhook_commands (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint BLOB NOT NULL,
    due      INTEGER NOT NULL,
    name     TEXT NOT NULL,
    delivery BLOB
) STRICT;
INSERT INTO "gymhook_commands" VALUES(2,X'00000000000000000000000000000001',1732799561429090,'reload',NULL);
INSERT INTO "gymhook_commands" VALUES(3,X'23DB23F1C54289DAB2D4568D8C47648B',1732799561449104,'reload',NULL);
INSERT INTO "gymhook_commands" VALUES(4,X'00000000000000000000000000000002',1732799561455041,'reload',NULL);
INSERT INTO "gymhook_commands" VALUES(5,X'00000000000000000000000000000003',1732799561466793,'reload',NULL);
CREATE TABLE gymhook_deliveries (
    seq           INTEGER PRIMARY KEY,
    id            BLOB NOT NULL UNIQUE,
    endpoint      BLOB NOT NULL,
    digest        BLOB NOT NULL,
    event_type    TEXT NOT NULL,
    enqueued_at   INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    code          INTEGER NOT NULL,
    round         INTEGER NOT NULL,
    attempt       INTEGER NOT NULL,
    sends         INTEGER NOT NULL,
    first_failure INTEGER,
    test          INTEGER NOT NULL,
    probe         INTEGER NOT NULL,
    check_sum     INTEGER NOT NULL
, origin TEXT, fingerprint BLOB) STRICT;
INSERT INTO "gymhook_deliveries" VALUES(1,X'B50FF3287EC881608C017EF9B25FAF4B',X'C75FF25A43AD8ABEAAFF4F879E3C3FC3',X'1C96B0EE41697BB2D82A8DFC1A403D063E412B2444044D46E0C8D912EB3E4D53','CUSTOMER_CHECKIN',1732799561396218,0,1732799562414804,0,1,2,1,1732799561414804,0,0,2950275235,'{"key":"2026-01","tenant":"berlin","sender":"bearer-secret","body":false,"time":false,"id":false}',NULL);
INSERT INTO "gymhook_deliveries" VALUES(2,X'1A54B88C6E748255952766C4EE866E08',X'00000000000000000000000000000001',X'C73EEA9CD4D4B995045FAB4814AF3FE1FD5CEC21BE8227CC05343F0FE8268B92','ContractCreated',1732799561436110,0,1732799561436110,0,1,1,0,NULL,0,0,4209597852,'{"key":"2026-01","tenant":"berlin","sender":"keyed-digest","body":false,"time":false,"id":true}',NULL);
INSERT INTO "gymhook_deliveries" VALUES(3,X'79FD65D00D8987029FE35035E6E17A5A',X'00000000000000000000000000000001',X'6D11A98D3A6B9A1AB95454AA8F5FD31B7C3EB1B54070E847E00919FD2012EBE8','unreadable',1732799561437346,6,1732799561437346,0,1,1,0,NULL,0,0,2016734678,'{"key":"2026-01","tenant":"berlin","sender":"hmac","body":true,"time":false,"id":false,"unreadable":{"scope":"berlin","signed_id":null,"problem":"key `data.amount` is repeated: two readers could take different values"}}',NULL);
INSERT INTO "gymhook_deliveries" VALUES(4,X'0BE90CDBC5D88D65B6D5CFBE35CC2B06',X'00000000000000000000000000000001',X'4523540F1504CD17100C4835E85B7EEFD49911580F8EFFF0599A8F283BE6B9E3','unreadable',1732799561447949,6,1732799561447949,0,1,1,0,NULL,0,0,1765040969,'{"key":"2026-01","tenant":"berlin","sender":"keyed-digest","body":false,"time":false,"id":true,"unreadable":{"scope":"berlin","signed_id":"request-2","problem":"the JSON is a number, expected an object or a list of objects, at line 1 column 2"}}',NULL);
INSERT INTO "gymhook_deliveries" VALUES(5,X'01A2224956EB777E8DD24ED3759130E3',X'23DB23F1C54289DAB2D4568D8C47648B',X'C2B7B37AD738150E0E86A1B84CBC10B2182F8A0991526F280A82F88CE6C200F5','member.created',1732799561451738,0,1732799561451738,0,1,1,0,NULL,0,0,3040465030,NULL,X'BB4DBEDBAEF1EA2B3006343642CB16ABFD32639901777000D232086B890A047C');
INSERT INTO "gymhook_deliveries" VALUES(6,X'00000000000000000000000000000007',X'00000000000000000000000000000002',X'50BE42EBBAD886E341A5E9024327448DA643E89966857A2862BFF3F2455656A6','workout.created',1732799561463688,0,1732799561463688,0,1,1,0,NULL,0,0,1597261581,NULL,NULL);
CREATE TABLE gymhook_notices (
    number          INTEGER PRIMARY KEY AUTOINCREMENT,
    id              BLOB NOT NULL UNIQUE,
    endpoint        BLOB NOT NULL,
    at              INTEGER NOT NULL,
    change          TEXT NOT NULL,
    claimed_until   INTEGER NOT NULL DEFAULT 0,
    acknowledged_at INTEGER
) STRICT;
CREATE TABLE gymhook_orders (next INTEGER NOT NULL) STRICT;
INSERT INTO "gymhook_orders" VALUES(7);
CREATE TABLE gymhook_subscriptions (
    id          BLOB NOT NULL PRIMARY KEY,
    gym         TEXT NOT NULL,
    settings    TEXT NOT NULL,
    secrets     BLOB NOT NULL,
    record      TEXT NOT NULL,
    disabled    INTEGER NOT NULL DEFAULT 0,
    deleted_at  INTEGER,
    lease_owner BLOB,
    lease_epoch INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0
, incoming INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
INSERT INTO "gymhook_subscriptions" VALUES(X'00000000000000000000000000000001','','{"platform":"inbox","label":"front \"desk\" \"url\":\"https://label.example/\"","url":"http://handled-here.invalid/","urls":{},"event_types":null,"policy":{"retry":{"schedule":{"fixed":[{"secs":1,"nanos":0},{"secs":4,"nanos":0},{"secs":16,"nanos":0},{"secs":60,"nanos":0},{"secs":300,"nanos":0},{"secs":1200,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0}]},"anchor":"failed_attempt","jitter":"none","classify":{"reject_redirects":false,"reject_client_errors":false,"disable_on_gone":false,"exceptions":{"422":"reject"}},"retry_after_max":{"secs":86400,"nanos":0},"attempt_timeout":{"secs":30,"nanos":0},"own_fault_delay":{"secs":10,"nanos":0},"lost_delay":{"secs":5,"nanos":0}},"max_in_flight":8,"rate":null,"breaker":null,"auto_disable":{"failed_in_a_row":null,"failing_for":null,"warn_at_percent":[]},"ordered":false}}',X'7B226B657973223A5B7B226964223A226E6F6E65222C22736563726574223A22626D393061476C755A7942706379427A615764755A57513D222C226E6F745F6265666F7265223A6E756C6C2C226E6F745F6166746572223A6E756C6C7D5D2C2268656164657273223A5B5D7D','{"id":"00000000-0000-0000-0000-000000000001","status":"enabled","breaker":{"closed":{"failed":0}},"allowance":1,"held_until":null,"bucket_full_at":null,"failed_in_a_row":0,"failing_since":null,"warnings":0}',0,NULL,NULL,0,0,1);
INSERT INTO "gymhook_subscriptions" VALUES(X'00000000000000000000000000000002','berlin','{"platform":"point","label":"\"url\":\"https://label.example/\"\u0000","url":"https://receiver.example/{\"hooks\"}?a=''b''&c=%22","urls":{"insight.created":"https://other.example/"},"event_types":["workout.created"],"policy":{"retry":{"schedule":{"exponential":{"initial":{"secs":60,"nanos":0},"factor":4,"max":{"secs":3600,"nanos":0},"retries":4}},"anchor":"failed_attempt","jitter":"full","classify":{"reject_redirects":false,"reject_client_errors":false,"disable_on_gone":false,"exceptions":{}},"retry_after_max":{"secs":86400,"nanos":0},"attempt_timeout":{"secs":30,"nanos":0},"own_fault_delay":{"secs":10,"nanos":0},"lost_delay":{"secs":5,"nanos":0}},"max_in_flight":8,"rate":null,"breaker":{"trips_after":5,"open_for":{"secs":30,"nanos":0},"open_for_max":{"secs":120,"nanos":0}},"auto_disable":{"failed_in_a_row":10,"failing_for":{"secs":432000,"nanos":0},"warn_at_percent":[50,80]},"ordered":false}}',X'7B226B657973223A5B7B226964223A22706F696E74222C2274656E616E74223A226265726C696E222C22736563726574223A225953427A5A574E795A585167623259674D54493449484A68626D5276625342696158527A222C226E6F745F6265666F7265223A6E756C6C2C226E6F745F6166746572223A6E756C6C7D5D2C2268656164657273223A5B5B22782D746F6B656E222C226120746F6B656E225D5D7D','{"id":"00000000-0000-0000-0000-000000000002","status":"enabled","breaker":{"closed":{"failed":0}},"allowance":1,"held_until":null,"bucket_full_at":null,"failed_in_a_row":0,"failing_since":null,"warnings":0}',0,NULL,NULL,0,0,0);
INSERT INTO "gymhook_subscriptions" VALUES(X'00000000000000000000000000000003','berlin','{"platform":"gympoint","label":"","url":"https://third.example/","urls":{},"event_types":null,"unsigned":true,"policy":{"retry":{"schedule":{"exponential":{"initial":{"secs":60,"nanos":0},"factor":4,"max":{"secs":3600,"nanos":0},"retries":4}},"anchor":"failed_attempt","jitter":"full","classify":{"reject_redirects":false,"reject_client_errors":false,"disable_on_gone":false,"exceptions":{}},"retry_after_max":{"secs":86400,"nanos":0},"attempt_timeout":{"secs":30,"nanos":0},"own_fault_delay":{"secs":10,"nanos":0},"lost_delay":{"secs":5,"nanos":0}},"max_in_flight":8,"rate":null,"breaker":{"trips_after":5,"open_for":{"secs":30,"nanos":0},"open_for_max":{"secs":120,"nanos":0}},"auto_disable":{"failed_in_a_row":10,"failing_for":{"secs":432000,"nanos":0},"warn_at_percent":[50,80]},"ordered":false}}',X'7B226B657973223A5B5D2C2268656164657273223A5B5D7D','{"id":"00000000-0000-0000-0000-000000000003","status":"enabled","breaker":{"closed":{"failed":0}},"allowance":1,"held_until":null,"bucket_full_at":null,"failed_in_a_row":0,"failing_since":null,"warnings":0}',0,NULL,NULL,0,0,0);
INSERT INTO "gymhook_subscriptions" VALUES(X'00000000000000000000000000000004','','{"platform":"inbox","label":"deleted","url":"http://handled-here.invalid/","urls":{},"event_types":null,"policy":{"retry":{"schedule":{"fixed":[{"secs":1,"nanos":0},{"secs":4,"nanos":0},{"secs":16,"nanos":0},{"secs":60,"nanos":0},{"secs":300,"nanos":0},{"secs":1200,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0}]},"anchor":"failed_attempt","jitter":"none","classify":{"reject_redirects":false,"reject_client_errors":false,"disable_on_gone":false,"exceptions":{"422":"reject"}},"retry_after_max":{"secs":86400,"nanos":0},"attempt_timeout":{"secs":30,"nanos":0},"own_fault_delay":{"secs":10,"nanos":0},"lost_delay":{"secs":5,"nanos":0}},"max_in_flight":8,"rate":null,"breaker":null,"auto_disable":{"failed_in_a_row":null,"failing_for":null,"warn_at_percent":[]},"ordered":false}}',X'7B226B657973223A5B7B226964223A226E6F6E65222C22736563726574223A22626D393061476C755A7942706379427A615764755A57513D222C226E6F745F6265666F7265223A6E756C6C2C226E6F745F6166746572223A6E756C6C7D5D2C2268656164657273223A5B5D7D','{"id":"00000000-0000-0000-0000-000000000004","status":"enabled","breaker":{"closed":{"failed":0}},"allowance":1,"held_until":null,"bucket_full_at":null,"failed_in_a_row":0,"failing_since":null,"warnings":0}',0,1732799561479719,NULL,0,0,1);
INSERT INTO "gymhook_subscriptions" VALUES(X'23DB23F1C54289DAB2D4568D8C47648B','','{"platform":"inbox","label":"gympoint","url":"http://handled-here.invalid/","urls":{},"event_types":null,"policy":{"retry":{"schedule":{"fixed":[{"secs":1,"nanos":0},{"secs":4,"nanos":0},{"secs":16,"nanos":0},{"secs":60,"nanos":0},{"secs":300,"nanos":0},{"secs":1200,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0}]},"anchor":"failed_attempt","jitter":"none","classify":{"reject_redirects":false,"reject_client_errors":false,"disable_on_gone":false,"exceptions":{"422":"reject"}},"retry_after_max":{"secs":86400,"nanos":0},"attempt_timeout":{"secs":30,"nanos":0},"own_fault_delay":{"secs":10,"nanos":0},"lost_delay":{"secs":5,"nanos":0}},"max_in_flight":8,"rate":null,"breaker":null,"auto_disable":{"failed_in_a_row":null,"failing_for":null,"warn_at_percent":[]},"ordered":false}}',X'7B226B657973223A5B7B226964223A226E6F6E65222C22736563726574223A22626D393061476C755A7942706379427A615764755A57513D222C226E6F745F6265666F7265223A6E756C6C2C226E6F745F6166746572223A6E756C6C7D5D2C2268656164657273223A5B5D7D','{"id":"23db23f1-c542-89da-b2d4-568d8c47648b","status":"enabled","breaker":{"closed":{"failed":0}},"allowance":1,"held_until":null,"bucket_full_at":null,"failed_in_a_row":0,"failing_since":null,"warnings":0}',0,NULL,NULL,0,0,1);
INSERT INTO "gymhook_subscriptions" VALUES(X'C75FF25A43AD8ABEAAFF4F879E3C3FC3','','{"platform":"inbox","label":"pg-next","url":"http://handled-here.invalid/","urls":{},"event_types":null,"policy":{"retry":{"schedule":{"fixed":[{"secs":1,"nanos":0},{"secs":4,"nanos":0},{"secs":16,"nanos":0},{"secs":60,"nanos":0},{"secs":300,"nanos":0},{"secs":1200,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0},{"secs":3600,"nanos":0}]},"anchor":"failed_attempt","jitter":"none","classify":{"reject_redirects":false,"reject_client_errors":false,"disable_on_gone":false,"exceptions":{"422":"reject"}},"retry_after_max":{"secs":86400,"nanos":0},"attempt_timeout":{"secs":30,"nanos":0},"own_fault_delay":{"secs":10,"nanos":0},"lost_delay":{"secs":5,"nanos":0}},"max_in_flight":8,"rate":null,"breaker":null,"auto_disable":{"failed_in_a_row":null,"failing_for":null,"warn_at_percent":[]},"ordered":false}}',X'7B226B657973223A5B7B226964223A226E6F6E65222C22736563726574223A22626D393061476C755A7942706379427A615764755A57513D222C226E6F745F6265666F7265223A6E756C6C2C226E6F745F6166746572223A6E756C6C7D5D2C2268656164657273223A5B5D7D','{"id":"c75ff25a-43ad-8abe-aaff-4f879e3c3fc3","status":"enabled","breaker":{"closed":{"failed":0}},"allowance":1,"held_until":null,"bucket_full_at":null,"failed_in_a_row":0,"failing_since":1795871561414803,"warnings":0}',0,NULL,X'01A2224956AC7323BF5AFF1DA4DB6DC3',1,1732799561420457,1);
CREATE INDEX gymhook_subscriptions_by_gym ON gymhook_subscriptions (gym, id);
CREATE INDEX gymhook_deliveries_by_state ON gymhook_deliveries (endpoint, state, at, seq);
CREATE INDEX gymhook_deliveries_by_endpoint ON gymhook_deliveries (endpoint, seq);
CREATE INDEX gymhook_commands_by_endpoint ON gymhook_commands (endpoint, due, number);
CREATE UNIQUE INDEX gymhook_deliveries_by_fingerprint ON gymhook_deliveries (endpoint, fingerprint)
    WHERE fingerprint IS NOT NULL;
CREATE INDEX gymhook_deliveries_tests ON gymhook_deliveries (endpoint, at, seq) WHERE test = 1 AND state = 0;
CREATE INDEX gymhook_notices_open ON gymhook_notices (number) WHERE acknowledged_at IS NULL;
INSERT INTO "sqlite_sequence" VALUES('gymhook_commands',6);
COMMIT;
