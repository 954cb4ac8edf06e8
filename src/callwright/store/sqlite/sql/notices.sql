-- name: add_notice
-- Owe a notice; a call has one at most.
INSERT INTO notice (call, url, webhook_id, content_type, body, state, due_at)
VALUES (:call, :url, :webhook_id, :content_type, :body, 'pending', :due_at);

-- name: claim_due_notices
-- Take up to :limit notices whose time has come for :owner; each is handed out once.
UPDATE notice SET owner = :owner
 WHERE id IN (SELECT id FROM notice
               WHERE state = 'pending' AND owner IS NULL AND due_at <= :now
               ORDER BY due_at, id
               LIMIT :limit)
RETURNING due_at, id, call, url, webhook_id, content_type, body, tries;

-- name: note_delivery
-- Note what became of a notice, if this owner still holds it.
UPDATE notice SET state = :state, due_at = :due_at, tries = tries + 1, owner = NULL
 WHERE id = :notice AND owner = :owner AND state = 'pending'
RETURNING id, tries;

-- name: add_try
-- Keep what one try came to.
INSERT INTO notice_try (notice, number, at, status, problem, took_ms)
VALUES (:notice, :number, :at, :status, :problem, :took_ms);

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

-- name: next_notice_at
-- When the earliest pending notice that nobody holds is due.
SELECT min(due_at) FROM notice WHERE state = 'pending' AND owner IS NULL;
