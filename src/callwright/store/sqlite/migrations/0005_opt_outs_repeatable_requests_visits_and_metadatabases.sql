-- Numbers never called again, requests that may be repeated, what reports are read from, and
-- metadatabases with their records.

-- Numbers that an account never calls again, whatever the program.
CREATE TABLE suppressed_number (
    account INTEGER NOT NULL REFERENCES account,
    -- E.164
    number TEXT NOT NULL,
    at INTEGER NOT NULL,
    -- The call in which the callee asked for it; NULL = an operator entered it. No reference:
    -- a call may be forgotten before the wish is.
    call INTEGER,
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;

-- Requests that came with an Idempotency-Key: what they asked for, and what they were told.
CREATE TABLE repeatable_request (
    user INTEGER NOT NULL REFERENCES account_user,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    at INTEGER NOT NULL,
    -- The list that is being loaded for a request not answered yet; the row is worth nothing
    -- once that list is dropped.
    batch INTEGER,
    status INTEGER,
    -- A JSON list of names and values by turns.
    headers TEXT,
    body BLOB,
    PRIMARY KEY (user, key),
    CHECK ((batch IS NULL) = (status IS NOT NULL)),
    CHECK ((status IS NULL) = (headers IS NULL) AND (status IS NULL) = (body IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX repeatable_request_at ON repeatable_request (at);

-- Which file a list came from, so that the same one is noticed when it comes again.
CREATE TABLE list_file (
    batch INTEGER PRIMARY KEY REFERENCES batch,
    deployment INTEGER NOT NULL REFERENCES deployment,
    -- SHA-256 of its bytes
    hash BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX list_file_same ON list_file (deployment, hash, at);

-- Conversations that are over, by program and moment: call logs and reports page through
-- millions of attempts by this.
CREATE TABLE visit (
    program INTEGER NOT NULL REFERENCES program,
    -- When the callee answered.
    at INTEGER NOT NULL,
    call INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    -- Who queued the call.
    user INTEGER NOT NULL,
    -- 1: the callee went through the whole script.
    finished INTEGER NOT NULL CHECK (finished IN (0, 1)),
    PRIMARY KEY (program, at, call, attempt),
    FOREIGN KEY (call, attempt) REFERENCES attempt (call, number)
) STRICT, WITHOUT ROWID;

-- Those of before: who went through the whole script was not noted, so whoever completed
-- the call counts.
INSERT INTO visit (program, at, call, attempt, user, finished)
SELECT d.program, t.answered_at, t.call, t.number, b.user, t.outcome = 'answered'
  FROM attempt t
  JOIN call c ON c.id = t.call
  JOIN batch b ON b.id = c.batch
  JOIN deployment d ON d.id = b.deployment
 WHERE t.answered_at IS NOT NULL AND t.ended_at IS NOT NULL;

CREATE TABLE metadatabase (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account,
    name TEXT NOT NULL,
    -- The name without case.
    name_key TEXT NOT NULL,
    -- A JSON list of column names.
    columns TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (account, name_key)
) STRICT;

CREATE TABLE metadatabase_record (
    id INTEGER PRIMARY KEY,
    metadatabase INTEGER NOT NULL REFERENCES metadatabase,
    user INTEGER NOT NULL REFERENCES account_user,
    at INTEGER NOT NULL,
    -- A JSON object of values by column.
    record TEXT NOT NULL
) STRICT;

CREATE INDEX metadatabase_record_of ON metadatabase_record (metadatabase, id);

-- A survey names its metadatabase from now on; the columns it held itself become one.
INSERT INTO metadatabase (id, account, name, name_key, columns, created_at)
SELECT id, account, name || ' ' || id, lower(name || ' ' || id), metadatabase, created_at
  FROM program WHERE metadatabase IS NOT NULL;

ALTER TABLE program DROP COLUMN metadatabase;
ALTER TABLE program ADD COLUMN metadatabase INTEGER REFERENCES metadatabase;
UPDATE program SET metadatabase = id WHERE id IN (SELECT id FROM metadatabase);
