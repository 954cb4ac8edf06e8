-- name: calls_between
-- All that is known of the calls from :lo to :hi but their attempts; only live batches show.
SELECT c.id, c.batch, b.deployment, p.product, p.account, b.user,
       c.sent, c.number, c.ani, c.postd, c.variables,
       b.opens_at, b.closes_at, b.start_given, b.max_attempts, b.wait, b.wait_given,
       b.result_url, b.is_pci, b.record, b.queued_at,
       e.state, e.at, (SELECT m.state FROM in_motion m WHERE m.call = c.id),
       coalesce(w.counted + w.given_back, 0),
       (SELECT min(at) FROM (
            SELECT x.at FROM cancellation x
             WHERE x.deployment = b.deployment AND x.through >= b.live_seq
               AND x.since <= b.live_seq
            UNION ALL
            SELECT y.at FROM call_cancellation y WHERE y.call = c.id))
  FROM call c
  JOIN batch b ON b.id = c.batch
  JOIN deployment d ON d.id = b.deployment
  JOIN program p ON p.id = d.program
  LEFT JOIN ended e ON e.call = c.id
  LEFT JOIN due w ON w.call = c.id
 WHERE c.id BETWEEN :lo AND :hi AND b.state = 'live'
 ORDER BY c.id;

-- name: attempts_between
-- Every attempt of the calls from :lo to :hi, in order.
SELECT call, number, started_at, counts, rang_at, answered_at, ended_at, outcome, sip_code,
       reason, sip_call_id
  FROM attempt WHERE call BETWEEN :lo AND :hi ORDER BY call, number;

-- name: answers_between
-- Everything keyed in the calls from :lo to :hi, in order.
SELECT call, attempt, name, value
  FROM answer WHERE call BETWEEN :lo AND :hi ORDER BY call, attempt, position;

-- name: calls_to_tell
-- Those of the ended calls whose ids the JSON list :calls holds that have a result_url: all
-- that is known of them but their attempts.
SELECT c.id, c.batch, b.deployment, p.product, p.account, b.user,
       c.sent, c.number, c.ani, c.postd, c.variables,
       b.opens_at, b.closes_at, b.start_given, b.max_attempts, b.wait, b.wait_given,
       b.result_url, b.is_pci, b.record, b.queued_at,
       e.state, e.at
  FROM ended e
  JOIN call c ON c.id = e.call
  JOIN batch b ON b.id = c.batch
  JOIN deployment d ON d.id = b.deployment
  JOIN program p ON p.id = d.program
 WHERE e.call IN (SELECT value FROM json_each(:calls)) AND b.result_url <> ''
 ORDER BY c.id;

-- name: attempts_of
-- Every attempt of the calls whose ids the JSON list :calls holds, in order.
SELECT call, number, started_at, counts, rang_at, answered_at, ended_at, outcome, sip_code,
       reason, sip_call_id
  FROM attempt WHERE call IN (SELECT value FROM json_each(:calls)) ORDER BY call, number;

-- name: answers_of
-- Everything keyed in the calls whose ids the JSON list :calls holds, in order.
SELECT call, attempt, name, value
  FROM answer WHERE call IN (SELECT value FROM json_each(:calls))
 ORDER BY call, attempt, position;

-- name: batch_ranges
-- Where the calls of a live batch stand: runs of ids, in the order of the list.
SELECT only_call, only_call FROM batch
 WHERE id = :batch AND state = 'live' AND only_call IS NOT NULL
UNION ALL
SELECT lo, hi FROM (
    SELECT s.lo, s.hi FROM segment s JOIN batch b ON b.id = s.batch
     WHERE s.batch = :batch AND b.state = 'live' AND s.lo <= s.hi
     ORDER BY s.lo);

-- name: queue_counts
-- How much waits, is in motion, and is owed.
SELECT (SELECT count(*) FROM due)
       + (SELECT coalesce(sum(hi - cursor + 1), 0) FROM segment
           WHERE live_seq IS NOT NULL AND cursor <= hi),
       (SELECT count(*) FROM active),
       (SELECT count(*) FROM quarantine q WHERE EXISTS (SELECT 1 FROM due w WHERE w.call = q.call)),
       (SELECT count(*) FROM notice WHERE state = 'pending' AND owner IS NULL)
       + (SELECT count(*) FROM notice WHERE owner IS NOT NULL),
       (SELECT count(*) FROM notice WHERE state = 'dead');
