-- name: waiting_single
-- Where a call stands that waits singly.
SELECT p.account, w.deployment, c.batch, w.lane, w.trunk, w.next_at, w.tried, w.live_seq,
       (SELECT q.at FROM quarantine q WHERE q.call = w.call),
       (SELECT h.at FROM pause h
         WHERE h.is_lifting = 0 AND h.deployment = w.deployment AND h.live_seq = w.live_seq),
       (SELECT h.at FROM pause h
         WHERE h.is_lifting = 0 AND h.deployment = w.deployment AND h.live_seq = 0),
       w.is_held = 1 OR EXISTS (SELECT 1 FROM due_stopped x WHERE x.call = w.call)
  FROM due w
  JOIN call c ON c.id = w.call
  JOIN deployment d ON d.id = w.deployment
  JOIN program p ON p.id = d.program
 WHERE w.call = :call;

-- name: waiting_in_list
-- Where a call stands that its list has not handed out.
SELECT p.account, s.deployment, s.batch, s.lane, s.trunk, s.opens_at, s.live_seq, s.lo,
       :call - s.cursor
       + (SELECT coalesce(sum(e.hi - e.cursor + 1), 0) FROM segment e
           WHERE e.batch = s.batch AND e.lo < s.lo AND e.cursor <= e.hi),
       (SELECT h.at FROM pause h
         WHERE h.is_lifting = 0 AND h.deployment = s.deployment AND h.live_seq = s.live_seq),
       (SELECT h.at FROM pause h
         WHERE h.is_lifting = 0 AND h.deployment = s.deployment AND h.live_seq = 0)
  FROM segment s
  JOIN deployment d ON d.id = s.deployment
  JOIN program p ON p.id = d.program
 WHERE s.lo = (SELECT max(lo) FROM segment WHERE lo <= :call)
   AND s.live_seq IS NOT NULL AND s.cursor <= :call AND :call <= s.hi;

-- name: next_single
-- Of what waits singly on a deployment, or (:live_seq not 0) in a batch: what goes next, of the
-- first :look.
SELECT call, next_at, is_held FROM (
    SELECT call, next_at, is_held FROM due
     WHERE deployment = :deployment AND is_held IN (0, 1)
       AND (:live_seq = 0 OR live_seq = :live_seq)
     LIMIT :look)
 ORDER BY is_held, next_at, call LIMIT 1;

-- name: next_in_list
-- The same of what lists have not handed out.
SELECT s.cursor, s.opens_at, EXISTS (SELECT 1 FROM segment_stopped x WHERE x.lo = s.lo)
  FROM segment s
 WHERE s.live_seq IS NOT NULL AND s.cursor <= s.hi AND s.deployment = :deployment
   AND (:live_seq = 0 OR s.live_seq = :live_seq)
 ORDER BY 3, s.opens_at, s.live_seq, s.lo
 LIMIT 1;

-- name: count_singles_before
-- How many calls of a queue go before the one that is due at :at, up to :most.
SELECT count(*) FROM (
    SELECT 1 FROM due
     WHERE trunk = :trunk AND is_held = 0 AND deployment = :deployment AND lane = :lane
       AND tried = :tried AND (next_at < :at OR (next_at = :at AND call < :call))
     LIMIT :most);

-- name: count_in_lists_before
-- How many calls lists have not handed out that went live before :live_seq.
SELECT coalesce(sum(s.hi - s.cursor + 1), 0) FROM segment s
 WHERE s.is_open = 1 AND s.cursor <= s.hi AND s.trunk = :trunk AND s.deployment = :deployment
   AND s.lane = :lane AND s.live_seq < :live_seq
   AND NOT EXISTS (SELECT 1 FROM segment_stopped x WHERE x.lo = s.lo);

-- name: count_left_in_list
-- How many calls of a batch its list has not handed out.
SELECT coalesce(sum(hi - cursor + 1), 0) FROM segment
 WHERE batch = :batch AND live_seq IS NOT NULL AND cursor <= hi;

-- name: singles_left
-- Of the calls from :lo to :hi those that wait singly, by attempts used, and when the last of
-- them is due; quarantined ones apart.
SELECT w.counted, w.counted + w.given_back > 0, q.call IS NOT NULL, count(*), max(w.next_at)
  FROM due w LEFT JOIN quarantine q ON q.call = w.call
 WHERE w.call BETWEEN :lo AND :hi GROUP BY 1, 2, 3;

-- name: active_left
-- Of the calls from :lo to :hi those in motion, by attempts used once that is over.
SELECT attempt - given_back, count(*) FROM active
 WHERE call BETWEEN :lo AND :hi GROUP BY 1;

-- name: latest_attempts
-- What the latest :look attempts of the calls from :lo to :hi came to, and how long they took.
SELECT outcome, count(*), sum(ended_at - started_at) FROM (
    SELECT outcome, started_at, ended_at FROM attempt
     WHERE call BETWEEN :lo AND :hi ORDER BY call DESC LIMIT :look)
 WHERE outcome IS NOT NULL GROUP BY outcome;
