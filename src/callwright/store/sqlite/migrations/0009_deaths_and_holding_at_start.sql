-- Calls that were in motion when a process died, those of them that wait for a person, and
-- what a start needs to know of the servers before it.

CREATE TABLE death (
    call INTEGER NOT NULL REFERENCES call,
    -- The attempt that was claimed or under way.
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    -- Of the process that died, or whose line did.
    owner TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (call, attempt, owner)
) STRICT, WITHOUT ROWID;

-- Waiting calls that only a person lets go on. The due row of each lies at the end of time,
-- so that claiming never meets it.
CREATE TABLE quarantine (
    call INTEGER PRIMARY KEY REFERENCES call,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE server_mark (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- Counted up at each start and heartbeat, and noted outside the database too: an older
    -- copy of the database is behind that note.
    generation INTEGER NOT NULL CHECK (generation >= 0),
    -- The last heartbeat of any server; NULL = there was none.
    beat_at INTEGER,
    -- Since when nothing is dialled until a person says so, and why.
    held_at INTEGER,
    held_because TEXT,
    CHECK ((held_at IS NULL) = (held_because IS NULL))
) STRICT;

INSERT INTO server_mark (id, generation) VALUES (1, 0);

-- The callee's tag in its first ringing, for a BYE to a leg whose answer was never heard.
ALTER TABLE attempt ADD COLUMN early_tag TEXT;

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
       t.branch, t.cseq, t.local_sip, t.remote_address, t.rang_at, t.early_tag, t.to_tag,
       t.remote_target, t.route_set, t.dialog_cseq
  FROM active a
  JOIN call c ON c.id = a.call
  JOIN batch b ON b.id = c.batch
  LEFT JOIN attempt t ON t.call = a.call AND t.number = a.attempt;
