-- name: batch
-- One batch that was not dropped, with how much of it is stored.
SELECT b.id, b.deployment, p.product, p.account, b.user, b.state, b.only_call IS NULL,
       b.queued_at, b.live_seq,
       CASE WHEN b.only_call IS NULL
            THEN (SELECT coalesce(sum(s.hi - s.lo + 1), 0) FROM segment s WHERE s.batch = b.id)
            ELSE 1 END,
       (SELECT min(h.at) FROM pause h
         WHERE h.is_lifting = 0 AND h.deployment = b.deployment
           AND h.live_seq IN (0, b.live_seq)),
       (SELECT min(x.at) FROM cancellation x
         WHERE x.deployment = b.deployment AND x.through >= b.live_seq
           AND x.since <= b.live_seq)
  FROM batch b
  JOIN deployment d ON d.id = b.deployment
  JOIN program p ON p.id = d.program
 WHERE b.id = :batch AND b.state <> 'dropped';

-- name: batches
-- Lists below :below, the newest first, in the columns of `batch`.
SELECT b.id, b.deployment, p.product, p.account, b.user, b.state, 1,
       b.queued_at, b.live_seq,
       (SELECT coalesce(sum(s.hi - s.lo + 1), 0) FROM segment s WHERE s.batch = b.id),
       (SELECT min(h.at) FROM pause h
         WHERE h.is_lifting = 0 AND h.deployment = b.deployment
           AND h.live_seq IN (0, b.live_seq)),
       (SELECT min(x.at) FROM cancellation x
         WHERE x.deployment = b.deployment AND x.through >= b.live_seq
           AND x.since <= b.live_seq)
  FROM batch b INDEXED BY batch_lists
  CROSS JOIN deployment d ON d.id = b.deployment
  CROSS JOIN program p ON p.id = d.program
 WHERE b.only_call IS NULL AND b.id < :below AND b.state <> 'dropped'
   AND (:state IS NULL OR b.state = :state)
   AND (:deployment IS NULL OR b.deployment = :deployment)
   AND (:user IS NULL OR b.user = :user) AND p.account = :account
 ORDER BY b.id DESC
 LIMIT :limit;

-- name: batch_schedule
-- When the window of a batch shuts, and when a cancellation of all of it was asked for.
SELECT b.closes_at,
       (SELECT min(x.at) FROM cancellation x
         WHERE x.deployment = b.deployment AND x.through >= b.live_seq
           AND x.since <= b.live_seq)
  FROM batch b WHERE b.id = :batch AND b.state = 'live';

-- name: count_ended
-- How many calls from :lo to :hi are over, by state.
SELECT state, count(*) FROM ended WHERE call BETWEEN :lo AND :hi GROUP BY state;

-- name: count_active
-- How many calls from :lo to :hi are in motion, by state.
SELECT state, count(*) FROM in_motion WHERE call BETWEEN :lo AND :hi GROUP BY state;

-- name: count_due
-- How many calls from :lo to :hi wait singly, by whether they were tried before.
SELECT counted + given_back > 0, count(*) FROM due WHERE call BETWEEN :lo AND :hi GROUP BY 1;

-- name: look_down
-- The lowest id of the next :look calls below :below, and how many there are.
SELECT min(id), count(*) FROM (
    SELECT id FROM call WHERE id < :below AND id >= :floor ORDER BY id DESC LIMIT :look);

-- name: look_up
-- The highest id of the next :look calls above :above, and how many there are.
SELECT max(id), count(*) FROM (
    SELECT id FROM call WHERE id > :above AND id <= :ceiling ORDER BY id LIMIT :look);

-- name: seek_calls
-- Ids from :lo to :hi of live calls that fit, the highest first. A call's state follows from
-- where it stands, as in `calls_between`.
SELECT id FROM (
    SELECT c.id AS id, b.closes_at AS closes_at, e.state AS ended,
           (SELECT m.state FROM in_motion m WHERE m.call = c.id) AS active,
           coalesce(w.counted + w.given_back, 0) > 0 AS tried,
           (SELECT min(at) FROM (
                SELECT x.at FROM cancellation x
                 WHERE x.deployment = b.deployment AND x.through >= b.live_seq
                   AND x.since <= b.live_seq
                UNION ALL
                SELECT y.at FROM call_cancellation y WHERE y.call = c.id)) AS canceled_at
      FROM call c
      CROSS JOIN batch b ON b.id = c.batch
      CROSS JOIN deployment d ON d.id = b.deployment
      CROSS JOIN program p ON p.id = d.program
      LEFT JOIN ended e ON e.call = c.id
      LEFT JOIN due w ON w.call = c.id
     WHERE c.id BETWEEN :lo AND :hi AND b.state = 'live'
       AND (:batch IS NULL OR c.batch = :batch)
       AND (:deployment IS NULL OR b.deployment = :deployment)
       AND (:user IS NULL OR b.user = :user) AND p.account = :account
       AND (:queued_from IS NULL OR b.queued_at >= :queued_from)
       AND (:queued_before IS NULL OR b.queued_at < :queued_before)
       AND (:ends = '' OR substr(c.number, -length(:ends)) = :ends)
       AND (:quarantined IS NULL
            OR :quarantined = (w.call IS NOT NULL
                               AND EXISTS (SELECT 1 FROM quarantine q WHERE q.call = c.id))))
 WHERE :state IS NULL
    OR :state = CASE
        WHEN ended IS NOT NULL THEN ended
        WHEN active IS NOT NULL THEN active
        WHEN canceled_at IS NOT NULL
             AND (closes_at IS NULL OR closes_at > :now OR canceled_at < closes_at) THEN 'canceled'
        WHEN closes_at <= :now THEN 'expired'
        WHEN tried THEN 'waiting'
        ELSE 'queued' END
 ORDER BY id DESC
 LIMIT :limit;

-- name: attempts_of_call
-- Every attempt of a call with all that is kept of it.
SELECT number, counts, trunk, dialed, caller_id, started_at, rang_at, answered_at, ended_at,
       outcome, sip_code, reason, sip_call_id, from_tag, to_tag, branch, local_sip,
       remote_address, who, cause,
       sent, received, lost, jitter_ms, far_lost, far_jitter_ms, round_trip_ms
  FROM attempt a LEFT JOIN identified i ON i.call = a.call AND i.attempt = a.number
       LEFT JOIN audio s ON s.call = a.call AND s.attempt = a.number
 WHERE a.call = :call ORDER BY number;

-- name: answers_of_call
-- Everything keyed in a call, in order.
SELECT attempt, at, name, value FROM answer WHERE call = :call ORDER BY attempt, position;

-- name: place_of_call
-- When a waiting call may next be tried, since when it is held back, and its relations.
SELECT coalesce(w.next_at, CASE WHEN EXISTS (
            SELECT 1 FROM segment s
             WHERE s.lo = (SELECT max(lo) FROM segment WHERE lo <= c.id)
               AND s.cursor <= c.id AND c.id <= s.hi) THEN b.opens_at END),
       (SELECT min(h.at) FROM pause h
         WHERE h.is_lifting = 0 AND h.deployment = b.deployment
           AND h.live_seq IN (0, b.live_seq)),
       (SELECT q.at FROM quarantine q WHERE q.call = w.call),
       (SELECT count(*) FROM death x WHERE x.call = c.id),
       (SELECT n.id FROM notice n WHERE n.call = c.id),
       (SELECT r.original FROM retried_call r WHERE r.call = c.id),
       (SELECT f.reason FROM refusal f WHERE f.call = c.id)
  FROM call c JOIN batch b ON b.id = c.batch
  LEFT JOIN due w ON w.call = c.id
 WHERE c.id = :call;

-- name: retries_of_call
-- The calls that were queued to try a call again.
SELECT call FROM retried_call WHERE original = :call ORDER BY call;

-- name: paused_batches
-- Those of the batches in the JSON list :batches that are held back.
SELECT b.id FROM batch b
 WHERE b.id IN (SELECT value FROM json_each(:batches))
   AND EXISTS (SELECT 1 FROM pause h
                WHERE h.is_lifting = 0 AND h.deployment = b.deployment
                  AND h.live_seq IN (0, b.live_seq));

-- name: deployment_paused_at
-- Since when a whole deployment is held back; no row: it is not.
SELECT at FROM pause WHERE deployment = :deployment AND live_seq = 0 AND is_lifting = 0;

-- name: notice
-- One notice with whose it is.
SELECT n.id, n.call, p.account, b.user, n.url, n.webhook_id, n.content_type, n.body, n.state,
       n.due_at, n.tries, n.owner IS NOT NULL, n.over_at, n.host,
       (SELECT nullif(h.rests_until, 0) FROM notice_host h WHERE h.host = n.host)
  FROM notice n
  JOIN call c ON c.id = n.call
  JOIN batch b ON b.id = c.batch
  JOIN deployment d ON d.id = b.deployment
  JOIN program p ON p.id = d.program
 WHERE n.id = :notice;

-- name: notice_of_call
-- The id of the notice that a call owes or owed.
SELECT id FROM notice WHERE call = :call;

-- name: look_down_notices
-- The lowest id of the next :look notices below :below.
SELECT min(id) FROM (SELECT id FROM notice WHERE id < :below ORDER BY id DESC LIMIT :look);

-- name: notices
-- Notices from :lo to below :below, the newest first, in the columns of `notice`.
SELECT n.id, n.call, p.account, b.user, n.url, n.webhook_id, n.content_type, n.body, n.state,
       n.due_at, n.tries, n.owner IS NOT NULL, n.over_at, n.host,
       (SELECT nullif(h.rests_until, 0) FROM notice_host h WHERE h.host = n.host)
  FROM notice n
  CROSS JOIN call c ON c.id = n.call
  CROSS JOIN batch b ON b.id = c.batch
  CROSS JOIN deployment d ON d.id = b.deployment
  CROSS JOIN program p ON p.id = d.program
 WHERE n.id >= :lo AND n.id < :below
   AND (:state IS NULL OR n.state = :state)
   AND (:user IS NULL OR b.user = :user) AND p.account = :account
 ORDER BY n.id DESC
 LIMIT :limit;

-- name: notice_tries
-- What each try of a notice came to, with what was sent and answered as long as it is kept.
SELECT t.number, t.at, t.status, t.problem, t.took_ms, t.address,
       coalesce(x.request_head, x''), coalesce(x.answer, x''), coalesce(x.answer_size, 0)
  FROM notice_try t
  LEFT JOIN notice_exchange x ON x.notice = t.notice AND x.number = t.number
 WHERE t.notice = :notice
 ORDER BY t.number;

-- name: replay_notice
-- Make a notice due, unless it is being sent; one that was over begins its schedule anew.
UPDATE notice
   SET replayed_after = CASE state WHEN 'pending' THEN replayed_after ELSE tries END,
       lasts_until = CASE state WHEN 'pending' THEN lasts_until ELSE :lasts_until END,
       state = 'pending', due_at = :now, over_at = NULL
 WHERE id = :notice AND owner IS NULL;

-- name: dead_notices
-- Notices that were given up after a place and before a moment, and whether :user, or an admin
-- of :account, may have them sent again: not if the receiver answered 410.
SELECT n.over_at, n.id,
       p.account = :account AND (:user IS NULL OR b.user = :user)
       AND NOT EXISTS (SELECT 1 FROM notice_try t
                        WHERE t.notice = n.id AND t.number = n.tries AND t.status = 410)
  FROM notice n
  CROSS JOIN call c ON c.id = n.call
  CROSS JOIN batch b ON b.id = c.batch
  CROSS JOIN deployment d ON d.id = b.deployment
  CROSS JOIN program p ON p.id = d.program
 WHERE n.state = 'dead' AND (n.over_at, n.id) > (:after, :notice) AND n.over_at < :before
 ORDER BY n.over_at, n.id
 LIMIT :limit;

-- name: note_retry
-- Note which call a call tries again.
INSERT INTO retried_call (call, original) VALUES (:call, :original);
