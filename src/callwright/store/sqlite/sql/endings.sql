-- name: take_closed_due
-- Take up to :limit waiting calls out of the queue whose window is over.
DELETE FROM due
 WHERE call IN (SELECT call FROM due
                 WHERE closes_at IS NOT NULL AND closes_at <= :now
                 ORDER BY closes_at, call LIMIT :limit)
RETURNING call, counted + given_back, closes_at,
          (SELECT min(at) FROM cancellation c
            WHERE c.deployment = due.deployment AND c.through >= due.live_seq
              AND c.since <= due.live_seq);

-- name: closed_segment
-- The segment whose window was the first to shut with calls still waiting.
SELECT lo, hi, cursor, closes_at,
       (SELECT min(at) FROM cancellation c
         WHERE c.deployment = s.deployment AND c.through >= s.live_seq
           AND c.since <= s.live_seq)
  FROM segment s
 WHERE live_seq IS NOT NULL AND closes_at IS NOT NULL AND cursor <= hi AND closes_at <= :now
 ORDER BY closes_at
 LIMIT 1;

-- name: unsettled_cancellations
-- Cancellations that may still cover calls that wait, in no order.
SELECT id, deployment, since, through FROM cancellation WHERE settled = 0;

-- name: take_canceled_due
-- Take up to :limit waiting calls out of the queue that a cancellation covers.
DELETE FROM due
 WHERE call IN (SELECT call FROM due
                 WHERE deployment = :deployment AND is_held IN (0, 1)
                   AND live_seq BETWEEN :since AND :through
                 LIMIT :limit)
RETURNING call, counted + given_back, closes_at,
          (SELECT min(at) FROM cancellation c
            WHERE c.deployment = due.deployment AND c.through >= due.live_seq
              AND c.since <= due.live_seq);

-- name: canceled_segment
-- Some segment with waiting calls that a cancellation covers.
SELECT lo, hi, cursor, closes_at,
       (SELECT min(at) FROM cancellation c
         WHERE c.deployment = s.deployment AND c.through >= s.live_seq
           AND c.since <= s.live_seq)
  FROM segment s
 WHERE deployment = :deployment AND live_seq BETWEEN :since AND :through AND cursor <= hi
   AND live_seq IS NOT NULL
 ORDER BY live_seq
 LIMIT 1;

-- name: settle_cancellation
-- Note that no waiting call is covered by a cancellation any more.
UPDATE cancellation SET settled = 1 WHERE id = :cancellation;

-- name: next_closing_at
-- When the next waiting call ends by its window, or ended by a cancellation already.
SELECT min(at) FROM (
    SELECT min(closes_at) AS at FROM due WHERE closes_at IS NOT NULL
    UNION ALL
    SELECT min(closes_at) FROM segment
     WHERE live_seq IS NOT NULL AND closes_at IS NOT NULL AND cursor <= hi
    UNION ALL
    SELECT min(at) FROM cancellation WHERE settled = 0
    UNION ALL
    SELECT min(at) FROM call_cancellation WHERE settled = 0);
