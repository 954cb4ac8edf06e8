-- name: take_due_calls
-- Take up to :limit calls out of a queue whose time has come; each is handed out once. :tried
-- is 0, 1, or 2 for both, the earliest due first.
-- Looks at the first :look rows only: those that a cancellation or their window has ended
-- are being settled meanwhile, and a million of them must not be waded through each time.
DELETE FROM due
 WHERE call IN (
       SELECT call FROM (
       SELECT * FROM (
           SELECT call, next_at FROM (
               SELECT call, next_at, closes_at FROM due
                WHERE trunk = :trunk AND is_held = 0 AND deployment = :deployment
                  AND lane = :lane AND tried = 0 AND next_at <= :now
                ORDER BY next_at, call LIMIT :look) AS first
            WHERE :tried <> 1 AND (closes_at IS NULL OR closes_at > :now)
              AND NOT EXISTS (SELECT 1 FROM due_stopped x WHERE x.call = first.call)
            LIMIT :limit)
       UNION ALL
       SELECT * FROM (
           SELECT call, next_at FROM (
               SELECT call, next_at, closes_at FROM due
                WHERE trunk = :trunk AND is_held = 0 AND deployment = :deployment
                  AND lane = :lane AND tried = 1 AND next_at <= :now
                ORDER BY next_at, call LIMIT :look) AS first
            WHERE :tried <> 0 AND (closes_at IS NULL OR closes_at > :now)
              AND NOT EXISTS (SELECT 1 FROM due_stopped x WHERE x.call = first.call)
            LIMIT :limit)
       ORDER BY next_at, call
       LIMIT :limit))
RETURNING next_at, call, counted, given_back;

-- name: open_segments
-- Let the lists of a trunk be claimed whose window has opened.
UPDATE segment SET is_open = 1
 WHERE is_open = 0 AND live_seq IS NOT NULL AND cursor <= hi
   AND trunk = :trunk AND opens_at <= :now;

-- name: first_open_segment
-- The segment to claim from: lists by the moment they went live.
SELECT lo, hi, cursor, opens_at
  FROM segment s
 WHERE is_open = 1 AND cursor <= hi AND trunk = :trunk AND deployment = :deployment
   AND lane = :lane
   AND opens_at <= :now AND (closes_at IS NULL OR closes_at > :now)
   AND NOT EXISTS (SELECT 1 FROM segment_stopped x WHERE x.lo = s.lo)
 ORDER BY live_seq, lo
 LIMIT 1;

-- name: advance_cursor
-- Take the calls from :cursor up to :next, not included, out of a segment.
UPDATE segment SET cursor = :next WHERE lo = :lo AND cursor = :cursor AND :next <= hi + 1;

-- name: add_active
-- Note who took a call, for which attempt.
INSERT INTO active (call, attempt, owner, trunk, claimed_at, given_back)
VALUES (:call, :attempt, :owner, :trunk, :now, :given_back);

-- name: calls_to_dial
-- All that dialling needs of the calls whose ids the JSON list :calls holds.
SELECT c.id, c.batch, b.deployment, c.sent, c.number, c.ani, c.postd, c.variables,
       b.opens_at, b.closes_at, b.start_given, b.max_attempts, b.wait, b.wait_given,
       b.result_url, b.is_pci, b.record
  FROM call c JOIN batch b ON b.id = c.batch
 WHERE c.id IN (SELECT value FROM json_each(:calls));

-- name: release_claim
-- Take back a claim under which nothing was sent.
DELETE FROM active
 WHERE call = :call AND attempt = :attempt AND owner = :owner
   AND NOT EXISTS (SELECT 1 FROM attempt t WHERE t.call = active.call AND t.number = active.attempt)
RETURNING attempt - given_back - 1, given_back;

-- name: put_back
-- Let a call that was taken wait until :next_at; not until before its window, which may lie
-- ahead again where the clock was set back.
INSERT INTO due (call, trunk, next_at, closes_at, deployment, live_seq, counted, given_back,
                 is_held, lane)
SELECT c.id, d.trunk, max(:next_at, b.opens_at), b.closes_at, b.deployment, b.live_seq,
       :counted, :given_back,
       EXISTS (SELECT 1 FROM pause p
                WHERE p.is_lifting = 0 AND p.deployment = b.deployment
                  AND p.live_seq IN (0, b.live_seq)),
       coalesce((SELECT id FROM call_limit WHERE kind = 'batch' AND id = b.id), 0)
  FROM call c JOIN batch b ON b.id = c.batch JOIN deployment d ON d.id = b.deployment
 WHERE c.id = :call
RETURNING deployment, live_seq;

-- name: reopen_cancellations
-- Cancellations that cover a call which waits again have something to settle again.
UPDATE cancellation SET settled = 0
 WHERE deployment = :deployment AND through >= :live_seq AND since <= :live_seq AND settled = 1;
