-- The opt-out list gets ids, because a list that is read page by page must not go on after a
-- number: numbers never stand in URLs. And what kept a call from being dialled is kept.

CREATE TABLE opt_out (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account,
    -- E.164
    number TEXT NOT NULL,
    at INTEGER NOT NULL,
    -- The call in which the callee asked for it; NULL = an operator entered it. No reference:
    -- a call may be forgotten before the wish is.
    call INTEGER,
    UNIQUE (account, number)
) STRICT;

CREATE INDEX opt_out_by_account ON opt_out (account, id);

INSERT INTO opt_out (account, number, at, call)
SELECT account, number, at, call FROM suppressed_number ORDER BY at, account, number;

DROP TABLE suppressed_number;

-- Why a call was rejected that was not to be dialled: rare, so no column of `ended`.
CREATE TABLE refusal (
    call INTEGER PRIMARY KEY REFERENCES ended,
    reason TEXT NOT NULL
) STRICT;
