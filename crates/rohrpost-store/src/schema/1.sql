-- Times are milliseconds since 1970, ids are QueueId numbers, crc is CRC-32 over the other columns unless said otherwise.

-- What the store itself remembers: marks, keys, last runs.
CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- The octets of messages. file = 0: data is all; file = 1: data is the start, the rest is the file named by id.
CREATE TABLE body (
    id       INTEGER NOT NULL PRIMARY KEY,
    octets   INTEGER NOT NULL,
    file     INTEGER NOT NULL,
    file_crc INTEGER NOT NULL,
    data     BLOB    NOT NULL,
    crc      INTEGER NOT NULL
);

-- Files whose body row is gone: to be unlinked.
CREATE TABLE garbage (
    id INTEGER NOT NULL PRIMARY KEY
);

-- body is the message's own id, unless it shares the body of another one or its body is a file: only these are indexed.
-- seq is the order of commits. left is when the last recipient left the queue; it and next_n are not in crc.
CREATE TABLE message (
    seq        INTEGER NOT NULL PRIMARY KEY,
    id         INTEGER NOT NULL UNIQUE,
    created    INTEGER NOT NULL,
    expires    INTEGER NOT NULL,
    sender     TEXT    NOT NULL,
    envelope   TEXT    NOT NULL,
    message_id TEXT,
    account    TEXT,
    body       INTEGER NOT NULL,
    prefix     BLOB    NOT NULL,
    octets     INTEGER NOT NULL,
    received   TEXT    NOT NULL,
    crc        INTEGER NOT NULL,
    next_n     INTEGER NOT NULL,
    left       INTEGER
);
CREATE INDEX message_body ON message (body) WHERE left IS NULL AND body <> id;
CREATE VIEW queued_body (body, message) AS
    SELECT id, id FROM message WHERE body = id AND left IS NULL
    UNION ALL SELECT body, id FROM message WHERE body <> id AND left IS NULL;
CREATE INDEX message_left ON message (left) WHERE left IS NOT NULL;

-- The queue. state: 0 waiting, 1 held, 2 quarantined. retry: 0 before the first attempt, else 1.
CREATE TABLE recipient (
    message   INTEGER NOT NULL,
    n         INTEGER NOT NULL,
    route     TEXT    NOT NULL,
    site      TEXT    NOT NULL,
    retry     INTEGER NOT NULL,
    due       INTEGER NOT NULL,
    state     INTEGER NOT NULL,
    attempts  INTEGER NOT NULL,
    address   TEXT    NOT NULL,
    recipient TEXT    NOT NULL,
    created   INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    notified  INTEGER NOT NULL,
    last      TEXT,
    crc       INTEGER NOT NULL,
    PRIMARY KEY (message, n)
) WITHOUT ROWID;
CREATE INDEX recipient_waiting ON recipient (route, site, retry, due, message, n) WHERE state = 0;

-- Delivery records but the first of each message, which is message.received.
CREATE TABLE record (
    id      INTEGER NOT NULL PRIMARY KEY,
    message INTEGER NOT NULL,
    address TEXT,
    data    TEXT    NOT NULL,
    crc     INTEGER NOT NULL
);
CREATE INDEX record_message ON record (message);

-- What trace looks messages up by: addresses in lower case, and Message-IDs in their angle brackets. Filled later.
CREATE TABLE found (
    key     TEXT    NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (key, message)
) WITHOUT ROWID;

CREATE TABLE account (
    login TEXT    NOT NULL PRIMARY KEY,
    data  TEXT    NOT NULL,
    crc   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE address (
    address TEXT NOT NULL PRIMARY KEY,
    login   TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX address_login ON address (login);
CREATE TABLE alias (
    address TEXT    NOT NULL PRIMARY KEY,
    data    TEXT    NOT NULL,
    crc     INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE domain (
    name TEXT    NOT NULL PRIMARY KEY,
    data TEXT    NOT NULL,
    crc  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE counter (
    key    TEXT    NOT NULL,
    minute INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (key, minute)
) WITHOUT ROWID;
CREATE INDEX counter_minute ON counter (minute);
CREATE TABLE suppression (
    account TEXT    NOT NULL,
    address TEXT    NOT NULL,
    until   INTEGER NOT NULL,
    PRIMARY KEY (account, address)
) WITHOUT ROWID;

CREATE TABLE digest (
    id        INTEGER NOT NULL PRIMARY KEY,
    at        INTEGER NOT NULL,
    message   INTEGER NOT NULL,
    recipient TEXT,
    text      TEXT    NOT NULL
);

CREATE TABLE folder (
    account TEXT NOT NULL,
    name    TEXT NOT NULL,
    PRIMARY KEY (account, name)
) WITHOUT ROWID;
CREATE TABLE mail (
    id      INTEGER NOT NULL PRIMARY KEY,
    account TEXT    NOT NULL,
    folder  TEXT    NOT NULL,
    message INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    body    INTEGER NOT NULL,
    prefix  BLOB    NOT NULL,
    octets  INTEGER NOT NULL,
    crc     INTEGER NOT NULL
);
CREATE INDEX mail_folder ON mail (account, folder, id);
CREATE INDEX mail_body ON mail (body);

-- Rows that do not match their checksum, as they were found. Nothing here is ever deleted by the program.
CREATE TABLE quarantine (
    id     INTEGER NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL,
    source TEXT    NOT NULL,
    key    TEXT    NOT NULL,
    reason TEXT    NOT NULL,
    data   BLOB    NOT NULL
);
CREATE INDEX quarantine_key ON quarantine (source, key);
