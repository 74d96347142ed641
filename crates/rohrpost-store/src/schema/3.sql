-- Mailboxes as IMAP has them, in the place of folders. The migration moves the rows of filed and drops it.
DROP INDEX mail_body;
ALTER TABLE mail RENAME TO filed;

-- Counters are kept with every change. known_since: expunges after this MODSEQ are all in expunged. removed: when it was
-- deleted; its mail stays for as long as it can be undeleted.
CREATE TABLE mailbox (
    id           INTEGER NOT NULL PRIMARY KEY,
    account      TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    uid_validity INTEGER NOT NULL,
    special_use  TEXT,
    subscribed   INTEGER NOT NULL,
    uid_next     INTEGER NOT NULL,
    modseq       INTEGER NOT NULL,
    known_since  INTEGER NOT NULL,
    messages     INTEGER NOT NULL,
    unseen       INTEGER NOT NULL,
    deleted      INTEGER NOT NULL,
    deleted_octets INTEGER NOT NULL,
    octets       INTEGER NOT NULL,
    removed      INTEGER,
    crc          INTEGER NOT NULL
);
CREATE UNIQUE INDEX mailbox_name ON mailbox (account, name) WHERE removed IS NULL;
CREATE INDEX mailbox_removed ON mailbox (removed) WHERE removed IS NOT NULL;

-- flags: 1 seen, 2 answered, 4 flagged, 8 deleted, 16 draft. keywords: sorted, with spaces between them.
-- prefix: what stands before the body in this copy only.
CREATE TABLE mail (
    mailbox  INTEGER NOT NULL,
    uid      INTEGER NOT NULL,
    modseq   INTEGER NOT NULL,
    flags    INTEGER NOT NULL,
    keywords TEXT,
    email    INTEGER NOT NULL,
    thread   INTEGER NOT NULL,
    message  INTEGER,
    at       INTEGER NOT NULL,
    saved    INTEGER NOT NULL,
    body     INTEGER NOT NULL,
    prefix   BLOB    NOT NULL,
    octets   INTEGER NOT NULL,
    crc      INTEGER NOT NULL,
    PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
-- All that a session needs to know of a mailbox, without a look at its mail.
CREATE INDEX mail_state ON mail (mailbox, modseq, uid, flags, keywords);
CREATE INDEX mail_body ON mail (body);
-- New mail in the order in which it came: EMAILIDs only grow. The search index goes on from the last one it has.
CREATE INDEX mail_email ON mail (email);
CREATE INDEX mail_deleted ON mail (mailbox, uid) WHERE flags & 8;
CREATE INDEX mail_unseen ON mail (mailbox, uid) WHERE flags & 1 = 0;

-- Mail that is gone from its mailbox; modseq is that of the expunge. body is NULL where it moved on to another mailbox.
CREATE TABLE expunged (
    mailbox  INTEGER NOT NULL,
    modseq   INTEGER NOT NULL,
    uid      INTEGER NOT NULL,
    gone     INTEGER NOT NULL,
    flags    INTEGER NOT NULL,
    keywords TEXT,
    email    INTEGER NOT NULL,
    thread   INTEGER NOT NULL,
    message  INTEGER,
    at       INTEGER NOT NULL,
    saved    INTEGER NOT NULL,
    body     INTEGER,
    prefix   BLOB    NOT NULL,
    octets   INTEGER NOT NULL,
    crc      INTEGER NOT NULL,
    PRIMARY KEY (mailbox, modseq, uid)
) WITHOUT ROWID;
CREATE INDEX expunged_body ON expunged (body) WHERE body IS NOT NULL;
CREATE INDEX expunged_gone ON expunged (gone);

-- Keywords in use in a mailbox, as they were first written.
CREATE TABLE keyword (
    mailbox INTEGER NOT NULL,
    name    TEXT    NOT NULL COLLATE NOCASE,
    PRIMARY KEY (mailbox, name)
) WITHOUT ROWID;

-- What is known of the structure of a body, for all who refer to it. Made anew where it is missing.
CREATE TABLE shape (
    body INTEGER NOT NULL PRIMARY KEY,
    data BLOB    NOT NULL,
    crc  INTEGER NOT NULL
);

-- Made from account.
CREATE TABLE quota (
    account    TEXT    NOT NULL PRIMARY KEY,
    octets_max INTEGER NOT NULL
) WITHOUT ROWID;
