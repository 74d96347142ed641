-- The index for full-text search. It is made of the mail and is made anew where it is missing or damaged.
CREATE TABLE state (
    version INTEGER NOT NULL,
    mark    INTEGER NOT NULL
);
INSERT INTO state VALUES (1, -9223372036854775808);

-- To whom a mailbox belongs: the mailboxes of an account have one number. Names of accounts change, mailboxes stay.
CREATE TABLE holder (
    mailbox INTEGER NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL
);

-- A message of an account, however many copies of it the account has.
CREATE TABLE doc (
    id      INTEGER NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL,
    body    INTEGER NOT NULL,
    UNIQUE (account, body)
);

-- The words of all messages, and the groups of three letters in them.
CREATE TABLE word (
    id   INTEGER NOT NULL PRIMARY KEY,
    word TEXT    NOT NULL UNIQUE
);
CREATE VIRTUAL TABLE letters USING fts5(word, content='', detail=none, tokenize='trigram');

-- Which words a message has: for each a token of its account, of where it stands (h: header, b: body) and of its number.
CREATE VIRTUAL TABLE words USING fts5(tokens, content='', contentless_delete=1, detail=none, tokenize='ascii');
