-- A call's life writes fewer rows: how far a call in motion has come follows from its attempt,
-- instead of being written down beside it, and the hosts that notices wait for are noted once
-- for all the notices that are added together.

DROP VIEW in_motion;
DROP TRIGGER due_stands_alone;
DROP TRIGGER active_stands_alone;
DROP TRIGGER ended_stands_alone;
DROP TRIGGER attempt_ends_once;
DROP TRIGGER notice_waits;

CREATE TABLE active_before AS SELECT call, attempt, owner, trunk, claimed_at, given_back FROM active;
DROP TABLE active;

CREATE TABLE active (
    call INTEGER PRIMARY KEY REFERENCES call,
    -- The attempt that it is claimed for. Once its row is written down it is being dialled, and
    -- once that row has an answer the call is connected.
    attempt INTEGER NOT NULL,
    owner TEXT NOT NULL,
    -- Under which it waited.
    trunk TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    -- Attempts before this one that do not count.
    given_back INTEGER NOT NULL CHECK (given_back >= 0),
    CHECK (attempt > given_back)
) STRICT;

INSERT INTO active (call, attempt, owner, trunk, claimed_at, given_back)
SELECT call, attempt, owner, trunk, claimed_at, given_back FROM active_before;
DROP TABLE active_before;

CREATE VIEW in_motion AS
SELECT a.call, a.attempt, a.owner,
       CASE WHEN t.call IS NULL THEN 'claimed'
            WHEN t.answered_at IS NULL THEN 'dialing'
            ELSE 'connected' END AS state,
       coalesce(t.trunk, a.trunk) AS trunk, a.claimed_at,
       -- This one counts once it is dialled.
       a.attempt - a.given_back - (t.call IS NULL) AS counted, a.given_back,
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

CREATE TRIGGER due_stands_alone BEFORE INSERT ON due
WHEN EXISTS (SELECT 1 FROM active WHERE call = new.call)
    OR EXISTS (SELECT 1 FROM ended WHERE call = new.call) BEGIN
    SELECT raise(ABORT, 'a call that is active or has ended does not wait');
END;

CREATE TRIGGER active_stands_alone BEFORE INSERT ON active
WHEN EXISTS (SELECT 1 FROM due WHERE call = new.call)
    OR EXISTS (SELECT 1 FROM ended WHERE call = new.call) BEGIN
    SELECT raise(ABORT, 'a call that waits or has ended is not active');
END;

CREATE TRIGGER ended_stands_alone BEFORE INSERT ON ended
WHEN EXISTS (SELECT 1 FROM active WHERE call = new.call)
    OR EXISTS (SELECT 1 FROM due WHERE call = new.call) BEGIN
    SELECT raise(ABORT, 'a call that waits or is active has not ended');
END;

-- After the change, which then need not look for the row a second time.
CREATE TRIGGER attempt_ends_once AFTER UPDATE ON attempt
WHEN old.ended_at IS NOT NULL BEGIN
    SELECT raise(ABORT, 'an attempt that is over never changes');
END;
