-- name: next_number
-- Take :count numbers from a counter and return the last of them.
UPDATE counter SET last = last + :count WHERE name = :name RETURNING last;

-- name: add_batch
-- Add a batch: loading without a live_seq, or live with one.
INSERT INTO batch (deployment, user, state, live_seq, queued_at, only_call, opens_at, closes_at,
                   start_given, max_attempts, wait, wait_given, result_url, is_pci,
                   record)
VALUES (:deployment, :user, :state, :live_seq, :now, :only_call, :opens_at, :closes_at,
        :start_given, :max_attempts, :wait, :wait_given, :result_url, :is_pci,
        :record)
RETURNING id;

-- name: add_call
-- Write one call down; nothing ever changes it.
INSERT INTO call (id, batch, sent, number, ani, postd, variables)
VALUES (:call, :batch, :sent, :number, :ani, :postd, :variables);

-- name: add_due
-- Let a call that was never tried wait until :next_at.
INSERT INTO due (call, trunk, next_at, closes_at, deployment, live_seq, counted, given_back,
                 is_held)
SELECT :call, trunk, :next_at, :closes_at, id, :live_seq, 0, 0,
       EXISTS (SELECT 1 FROM pause p
                WHERE p.deployment = :deployment AND p.live_seq = 0 AND p.is_lifting = 0)
  FROM deployment WHERE id = :deployment;

-- name: loading_segment
-- The last segment of a batch that is being loaded, if it has one yet.
SELECT s.lo, s.hi, s.room,
       (SELECT sum(hi - lo + 1) FROM segment WHERE batch = b.id)
  FROM batch b LEFT JOIN segment s ON s.batch = b.id
 WHERE b.id = :batch AND b.state = 'loading'
 ORDER BY s.lo DESC LIMIT 1;

-- name: add_segment
-- Reserve the ids :lo to :room for the next slices of a batch that is being loaded.
INSERT INTO segment (lo, hi, room, cursor, batch, deployment, trunk, opens_at, closes_at, lane)
SELECT :lo, :lo - 1, :room, :lo, b.id, b.deployment, d.trunk, b.opens_at, b.closes_at,
       coalesce((SELECT id FROM call_limit WHERE kind = 'batch' AND id = b.id), 0)
  FROM batch b JOIN deployment d ON d.id = b.deployment
 WHERE b.id = :batch AND b.state = 'loading';

-- name: fill_segment
-- Note that the calls up to :hi stand in the segment that starts at :lo.
UPDATE segment SET hi = :hi WHERE lo = :lo AND live_seq IS NULL;

-- name: make_batch_live
-- Let a loading batch be seen; the moment of queueing is now.
UPDATE batch SET state = 'live', live_seq = :live_seq, queued_at = :now
 WHERE id = :batch AND state = 'loading';

-- name: make_segments_live
-- Let the calls of a batch be claimed.
UPDATE segment SET live_seq = :live_seq WHERE batch = :batch;

-- name: batch_size
-- How many calls the segments of a batch hold.
SELECT coalesce(sum(hi - lo + 1), 0) FROM segment WHERE batch = :batch;

-- name: drop_batch
-- Forget a batch that never went live; the sweep deletes its calls.
UPDATE batch SET state = 'dropped' WHERE id = :batch AND state = 'loading';

-- name: drop_loading_batches
-- Forget every batch that never went live; the sweep deletes their calls.
UPDATE batch SET state = 'dropped' WHERE state <> 'live' AND state = 'loading';

-- name: dropped_segment
-- Some segment of a dropped batch, or a dropped batch that has none left.
SELECT b.id, s.lo, s.hi
  FROM batch b LEFT JOIN segment s ON s.batch = b.id
 WHERE b.state <> 'live' AND b.state = 'dropped'
 LIMIT 1;

-- name: delete_calls
-- Delete the calls from :lo to :hi; they belong to a dropped batch.
DELETE FROM call WHERE id BETWEEN :lo AND :hi;

-- name: shrink_segment
-- Note that the calls above :hi are deleted.
UPDATE segment SET hi = :hi WHERE lo = :lo AND live_seq IS NULL;

-- name: delete_segment
-- Delete a segment whose calls are deleted.
DELETE FROM segment WHERE lo = :lo AND live_seq IS NULL;

-- name: delete_batch
-- Delete a dropped batch that has no segment left.
DELETE FROM batch WHERE id = :batch AND state = 'dropped';

-- name: cancel_deployment
-- Cancel what is live of a deployment, unless no batch at all went live since the last time.
INSERT INTO cancellation (deployment, through, at, settled)
SELECT :deployment, c.last, :now,
       NOT EXISTS (SELECT 1 FROM due
                    WHERE deployment = :deployment AND is_held IN (0, 1) AND live_seq <= c.last)
       AND NOT EXISTS (SELECT 1 FROM segment
                        WHERE deployment = :deployment AND live_seq <= c.last AND cursor <= hi)
  FROM counter c
 WHERE c.name = 'live'
   AND c.last > coalesce((SELECT max(through) FROM cancellation
                           WHERE deployment = :deployment AND since = 0), 0);
