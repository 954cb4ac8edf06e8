-- name: add_notice
-- Owe a notice; a call has one at most.
INSERT INTO notice
    (call, url, host, webhook_id, content_type, body, state, due_at, lasts_until)
VALUES (:call, :url, :host, :webhook_id, :content_type, :body, 'pending', :due_at, :lasts_until);

-- name: wait_for_host
-- Note that a notice waits for a host.
INSERT INTO notice_host (host, next_at) VALUES (:host, :due_at)
    ON CONFLICT DO UPDATE SET next_at = :due_at WHERE next_at IS NULL OR next_at > :due_at;

-- name: next_notice_at
-- When there is something to claim for a host of the JSON list :only, if that is given, and
-- not of :but_not.
SELECT look_at FROM notice_host
 WHERE look_at IS NOT NULL
   AND (:only IS NULL OR host IN (SELECT value FROM json_each(:only)))
   AND host NOT IN (SELECT value FROM json_each(:but_not))
 ORDER BY look_at
 LIMIT 1;

-- name: hosts_due
-- The hosts of the same lists for which there is something to claim, the longest due first.
SELECT host FROM notice_host
 WHERE look_at <= :now
   AND (:only IS NULL OR host IN (SELECT value FROM json_each(:only)))
   AND host NOT IN (SELECT value FROM json_each(:but_not))
 ORDER BY look_at
 LIMIT :limit;

-- name: claim_notices
-- Take up to :limit notices of :host whose time has come for :owner; each is handed out once.
UPDATE notice SET owner = :owner
 WHERE id IN (SELECT id FROM notice
               WHERE host = :host AND state = 'pending' AND owner IS NULL AND due_at <= :now
               ORDER BY due_at, id
               LIMIT :limit)
RETURNING due_at, id, call, url, host, webhook_id, content_type, body, tries, replayed_after;

-- name: look_at_host
-- Set when to look at a host again by what waits for it.
UPDATE notice_host
   SET next_at = (SELECT min(n.due_at) FROM notice n
                   WHERE n.host = :host AND n.state = 'pending' AND n.owner IS NULL)
 WHERE host = :host;

-- name: note_delivery
-- Note what became of a notice, if this owner still holds it.
UPDATE notice SET state = :state, due_at = :due_at, over_at = :over_at, tries = tries + 1,
       lasts_until = lasts_until + :extended_by, owner = NULL
 WHERE id = :notice AND owner = :owner AND state = 'pending'
RETURNING id, tries;

-- name: add_try
-- Keep what one try came to.
INSERT INTO notice_try (notice, number, at, status, problem, took_ms, address)
VALUES (:notice, :number, :at, :status, :problem, :took_ms, :address);

-- name: add_exchange
-- Keep what was sent and answered in one try.
INSERT INTO notice_exchange (notice, number, request_head, answer, answer_size)
VALUES (:notice, :number, :request_head, :answer, :answer_size);

-- name: note_standing
-- Leave a host alone, or let it be claimed for again.
INSERT INTO notice_host (host, rests_until, failing_since)
VALUES (:host, :rests_until, :failing_since)
    ON CONFLICT DO UPDATE SET rests_until = :rests_until, failing_since = :failing_since;

-- name: hosts_in_trouble
-- The hosts that fail, since when, and until when they are left alone.
SELECT host, failing_since, rests_until FROM notice_host WHERE failing_since > 0;

-- name: shorten_rests
-- Let no host be left alone beyond :latest.
UPDATE notice_host SET rests_until = :latest WHERE failing_since > 0 AND rests_until > :latest;

-- name: overdue_notices
-- Notices of a host that nobody holds and whose tries would all have been made by :now, among
-- the :look that are longest due.
SELECT id FROM (
    SELECT id, lasts_until FROM notice
     WHERE host = :host AND state = 'pending' AND owner IS NULL AND due_at <= :now
     ORDER BY due_at
     LIMIT :look)
 WHERE lasts_until <= :now
 LIMIT :limit;

-- name: give_up_notice
-- Give a notice up that nobody holds.
UPDATE notice SET state = 'dead', due_at = NULL, over_at = :now, tries = tries + 1
 WHERE id = :notice AND state = 'pending' AND owner IS NULL
RETURNING id, tries;

-- name: release_notices_of_the_dead
-- Let notices be taken again whose owner has no heartbeat at or after :alive_since.
UPDATE notice SET owner = NULL
 WHERE owner IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM owner o
                    WHERE o.id = notice.owner AND o.heartbeat_at >= :alive_since);

-- name: release_notices
-- Let notices that an owner claimed be taken again, but for those in the JSON list :sending.
UPDATE notice SET owner = NULL
 WHERE owner = :owner AND id NOT IN (SELECT value FROM json_each(:sending));

-- name: old_notices
-- Some notices that were over by :over_before.
SELECT id FROM notice WHERE state = 'delivered' AND over_at <= :over_before
UNION ALL
SELECT id FROM notice WHERE state = 'dead' AND over_at <= :over_before
 LIMIT :limit;

-- name: drop_exchange
-- Forget what was sent and answered.
DELETE FROM notice_exchange WHERE notice = :notice;

-- name: drop_tries
-- Forget what the tries of a notice came to.
DELETE FROM notice_try WHERE notice = :notice;

-- name: drop_notice
-- Forget a notice that is over.
DELETE FROM notice WHERE id = :notice AND state <> 'pending';

-- name: drop_idle_hosts
-- Forget the hosts for which nothing waits, but for those that fail since after :over_before.
DELETE FROM notice_host WHERE next_at IS NULL AND failing_since <= :over_before;
