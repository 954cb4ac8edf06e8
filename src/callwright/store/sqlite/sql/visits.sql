-- name: add_visit
-- Note that a conversation is over; nothing, if the attempt was never answered.
WITH over (finished, call, attempt) AS (VALUES (:finished, :call, :attempt))
INSERT INTO visit (program, at, call, attempt, user, finished)
SELECT d.program, t.answered_at, t.call, t.number, b.user, o.finished
  FROM over o
  CROSS JOIN attempt t
  JOIN call c ON c.id = t.call
  JOIN batch b ON b.id = c.batch
  JOIN deployment d ON d.id = b.deployment
 WHERE t.call = o.call AND t.number = o.attempt AND t.answered_at IS NOT NULL;

-- name: count_visits
-- How many conversations there were with those programs in that time.
SELECT count(*) FROM visit v
 WHERE v.program IN (SELECT value FROM json_each(:programs))
   AND v.at >= :answered_from AND v.at < :answered_before
   AND (:user IS NULL OR v.user = :user)
   AND (:number IS NULL
        OR EXISTS (SELECT 1 FROM call c WHERE c.id = v.call AND c.number = :number));

-- name: visits
-- A page of the conversations with those programs in that time, the latest first.
SELECT v.call, v.attempt, v.program, b.deployment, t.dialed, t.caller_id, b.queued_at,
       t.started_at, t.rang_at, v.at, t.ended_at, v.finished
  FROM (SELECT program, at, call, attempt, finished FROM visit w
         WHERE w.program IN (SELECT value FROM json_each(:programs))
           AND w.at >= :answered_from AND w.at < :answered_before
           AND (:user IS NULL OR w.user = :user)
           AND (:number IS NULL
                OR EXISTS (SELECT 1 FROM call c WHERE c.id = w.call AND c.number = :number))
         ORDER BY w.at DESC, w.call DESC, w.attempt DESC
         LIMIT :limit OFFSET :offset) AS v
  JOIN attempt t ON t.call = v.call AND t.number = v.attempt
  JOIN call c ON c.id = v.call
  JOIN batch b ON b.id = c.batch
 ORDER BY v.at DESC, v.call DESC, v.attempt DESC;

-- name: answers_of_calls
-- Everything keyed in the calls whose ids the JSON list :calls holds, in order.
SELECT call, attempt, at, name, value FROM answer
 WHERE call IN (SELECT value FROM json_each(:calls))
 ORDER BY call, attempt, position;
