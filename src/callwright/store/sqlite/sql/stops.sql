-- name: called_off
-- Calls in motion, of those in the JSON list :calls, that were cancelled or whose number has
-- opted out (1).
SELECT m.call, EXISTS (SELECT 1 FROM opt_out o WHERE o.account = p.account
                                                AND o.number = m.dialed) AS opted_out
  FROM in_motion m
  JOIN deployment d ON d.id = m.deployment
  JOIN program p ON p.id = d.program
 WHERE m.call IN (SELECT value FROM json_each(:calls))
   AND (m.canceled OR opted_out);

-- name: cancel_call
-- Cancel one call, unless it was cancelled before.
INSERT INTO call_cancellation (call, at, settled) VALUES (:call, :now, 0) ON CONFLICT DO NOTHING;

-- name: cancel_batch
-- Cancel a live batch, unless it was cancelled before.
INSERT INTO cancellation (deployment, since, through, at, settled)
SELECT b.deployment, b.live_seq, b.live_seq, :now, 0
  FROM batch b
 WHERE b.id = :batch AND b.state = 'live'
   AND NOT EXISTS (SELECT 1 FROM cancellation c
                    WHERE c.deployment = b.deployment AND c.through >= b.live_seq
                      AND c.since <= b.live_seq);

-- name: unsettled_call_cancellations
-- Calls cancelled one by one that may still wait, and when that was.
SELECT call, at FROM call_cancellation WHERE settled = 0 ORDER BY call LIMIT :limit;

-- name: take_waiting_call
-- Take one call out of the queue if it waits there.
DELETE FROM due WHERE call = :call RETURNING counted + given_back, closes_at;

-- name: segment_of_waiting_call
-- The segment of a live list in which a call waits to be handed out.
SELECT lo, hi, room, cursor, closes_at FROM segment
 WHERE lo = (SELECT max(lo) FROM segment WHERE lo <= :call)
   AND live_seq IS NOT NULL AND cursor <= :call AND :call <= hi;

-- name: cut_segment
-- End a segment before the calls that get one of their own.
UPDATE segment SET hi = :hi, room = :hi WHERE lo = :lo AND live_seq IS NOT NULL;

-- name: add_rest_of_segment
-- A segment for the calls from :lo on, cut off :segment; the first of them is handed out.
INSERT INTO segment (lo, hi, room, cursor, batch, deployment, trunk, live_seq, opens_at,
                     closes_at, is_open, lane)
SELECT :lo, :hi, :room, :lo + 1, batch, deployment, trunk, live_seq, opens_at, closes_at, is_open,
       lane
  FROM segment WHERE lo = :segment;

-- name: settle_call_cancellation
-- Note that a cancelled call waits no more.
UPDATE call_cancellation SET settled = 1 WHERE call = :call;

-- name: reopen_call_cancellations
-- Of the calls whose ids the JSON list :calls holds, the cancelled ones are to be settled again.
UPDATE call_cancellation SET settled = 0
 WHERE call IN (SELECT value FROM json_each(:calls)) AND settled = 1;

-- name: pause
-- Hold back a deployment (:live_seq 0) or what went live as :live_seq.
INSERT INTO pause (deployment, live_seq, at, user, is_lifting, settled)
VALUES (:deployment, :live_seq, :now, :user, 0, 0)
ON CONFLICT (deployment, live_seq)
DO UPDATE SET at = :now, user = :user, is_lifting = 0, settled = 0 WHERE is_lifting = 1;

-- name: lift_pause
-- Hold back no more; what was put aside comes back slice by slice.
UPDATE pause SET is_lifting = 1, settled = 0
 WHERE deployment = :deployment AND live_seq = :live_seq AND is_lifting = 0;

-- name: unsettled_pauses
-- Pauses on whose account rows of the queue may have to be put aside or back.
SELECT deployment, live_seq, is_lifting FROM pause WHERE settled = 0 ORDER BY at;

-- name: put_aside_deployment
-- Put aside up to :limit calls that wait on a deployment.
UPDATE due SET is_held = 1
 WHERE call IN (SELECT call FROM due
                 WHERE deployment = :deployment AND is_held = 0 LIMIT :limit);

-- name: put_aside_batch
-- Put aside up to :limit calls that wait in a batch.
UPDATE due SET is_held = 1
 WHERE call IN (SELECT call FROM due
                 WHERE deployment = :deployment AND is_held = 0 AND live_seq = :live_seq
                 LIMIT :limit);

-- name: put_back_deployment
-- Let up to :limit calls of a deployment be claimed again that no other pause holds.
UPDATE due SET is_held = 0
 WHERE call IN (SELECT call FROM due AS d
                 WHERE deployment = :deployment AND is_held = 1
                   AND NOT EXISTS (SELECT 1 FROM pause p
                                    WHERE p.is_lifting = 0 AND p.deployment = d.deployment
                                      AND p.live_seq IN (0, d.live_seq))
                 LIMIT :limit);

-- name: put_back_batch
-- Let up to :limit calls of a batch be claimed again that no other pause holds.
UPDATE due SET is_held = 0
 WHERE call IN (SELECT call FROM due AS d
                 WHERE deployment = :deployment AND is_held = 1 AND live_seq = :live_seq
                   AND NOT EXISTS (SELECT 1 FROM pause p
                                    WHERE p.is_lifting = 0 AND p.deployment = d.deployment
                                      AND p.live_seq IN (0, d.live_seq))
                 LIMIT :limit);

-- name: settle_pause
-- Note that everything a pause holds is put aside.
UPDATE pause SET settled = 1
 WHERE deployment = :deployment AND live_seq = :live_seq AND is_lifting = 0;

-- name: forget_pause
-- Forget a lifted pause whose calls are all back.
DELETE FROM pause
 WHERE deployment = :deployment AND live_seq = :live_seq AND is_lifting = 1;

-- name: place_of_batch
-- The deployment of a live batch, and the moment it went live in the order of them all.
SELECT deployment, live_seq FROM batch WHERE id = :batch AND live_seq IS NOT NULL;

-- name: contacts_of_calls
-- What the calls in the JSON list :calls bring, in the order of their ids.
SELECT id, sent, number, ani, postd, variables FROM call
 WHERE id IN (SELECT value FROM json_each(:calls)) ORDER BY id;

-- name: filled_segments
-- The segments of a batch that is being loaded, the last first.
SELECT lo, hi FROM segment WHERE batch = :batch AND live_seq IS NULL ORDER BY lo DESC;

-- name: calls_retried
-- Those of the calls in the JSON list :calls that another call tries again, or tried.
SELECT DISTINCT r.original
  FROM retried_call r JOIN call c ON c.id = r.call JOIN batch b ON b.id = c.batch
 WHERE r.original IN (SELECT value FROM json_each(:calls)) AND b.state <> 'dropped';

-- name: delete_retries
-- Forget what the calls from :lo to :hi try again; they belong to a dropped batch.
DELETE FROM retried_call WHERE call BETWEEN :lo AND :hi;
