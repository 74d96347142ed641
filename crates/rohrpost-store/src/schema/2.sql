-- Submissions of programs of this host, so that one that comes again gets its old answer. id is what the program drew.
CREATE TABLE submission (
    uid    INTEGER NOT NULL,
    id     BLOB    NOT NULL,
    at     INTEGER NOT NULL,
    answer TEXT    NOT NULL,
    PRIMARY KEY (uid, id)
) WITHOUT ROWID;
CREATE INDEX submission_at ON submission (at);
