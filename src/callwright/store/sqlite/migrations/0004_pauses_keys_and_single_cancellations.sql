-- Holding calls back, cancelling one list or one call, calling again, and keys with scopes.

-- A cancellation of one list has since = through; of a whole deployment, since = 0.
ALTER TABLE cancellation ADD COLUMN since INTEGER NOT NULL DEFAULT 0;

-- Calls that are cancelled one by one.
CREATE TABLE call_cancellation (
    call INTEGER PRIMARY KEY REFERENCES call,
    at INTEGER NOT NULL,
    -- 1 once the call does not wait any more.
    settled INTEGER NOT NULL CHECK (settled IN (0, 1))
) STRICT;

CREATE INDEX call_cancellation_unsettled ON call_cancellation (call) WHERE settled = 0;

-- What is held back: claiming passes it by, whatever its size.
CREATE TABLE pause (
    deployment INTEGER NOT NULL REFERENCES deployment,
    -- The list or call that it holds, by the moment that went live; 0 = all of the
    -- deployment, also what is queued later.
    live_seq INTEGER NOT NULL CHECK (live_seq >= 0),
    at INTEGER NOT NULL,
    user INTEGER NOT NULL REFERENCES account_user,
    -- 1: holds nothing any more, and stays only until what it put aside is back.
    is_lifting INTEGER NOT NULL CHECK (is_lifting IN (0, 1)),
    -- 1 once every row of due that it holds is put aside.
    settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
    PRIMARY KEY (deployment, live_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX pause_unsettled ON pause (at) WHERE settled = 0;

-- 1: put aside because a pause holds it, so that claiming need not wade through it.
ALTER TABLE due ADD COLUMN is_held INTEGER NOT NULL DEFAULT 0 CHECK (is_held IN (0, 1));

DROP INDEX due_next;
CREATE INDEX due_next ON due (trunk, next_at) WHERE is_held = 0;
DROP INDEX due_deployment;
CREATE INDEX due_deployment ON due (deployment, is_held, live_seq);

-- Calls that were queued to try again what an earlier call did not reach.
CREATE TABLE retried_call (
    call INTEGER PRIMARY KEY REFERENCES call,
    original INTEGER NOT NULL REFERENCES call
) STRICT;

CREATE INDEX retried_call_original ON retried_call (original);

-- Keys that may do less than their user's developer key.
CREATE TABLE api_key (
    id INTEGER PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES account_user,
    name TEXT NOT NULL,
    key_hash BLOB NOT NULL UNIQUE,
    -- A JSON list of words.
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE INDEX api_key_user ON api_key (user);

-- Lists among the batches, most of which are single calls.
CREATE INDEX batch_lists ON batch (id) WHERE only_call IS NULL;

DROP VIEW in_motion;
CREATE VIEW in_motion AS
SELECT a.call, a.attempt, a.owner, a.state, a.trunk, a.claimed_at, a.counted, a.given_back,
       b.deployment, b.opens_at, b.closes_at, b.start_given, b.max_attempts, b.wait,
       b.wait_given, b.result_url, b.is_pci,
       EXISTS (SELECT 1 FROM cancellation x
                WHERE x.deployment = b.deployment AND x.through >= b.live_seq
                  AND x.since <= b.live_seq)
       OR EXISTS (SELECT 1 FROM call_cancellation y WHERE y.call = a.call) AS canceled,
       t.started_at, t.trunk AS dialed_on, t.dialed, t.caller_id, t.sip_call_id, t.from_tag,
       t.branch, t.cseq, t.local_sip, t.remote_address, t.rang_at, t.to_tag, t.remote_target,
       t.route_set, t.dialog_cseq
  FROM active a
  JOIN call c ON c.id = a.call
  JOIN batch b ON b.id = c.batch
  LEFT JOIN attempt t ON t.call = a.call AND t.number = a.attempt;
