-- name: call_limits
-- Everybody's limits.
SELECT kind, id, calls_per_second, max_calls FROM call_limit;

-- name: call_limit
-- The limits of one account, deployment or batch.
SELECT calls_per_second, max_calls FROM call_limit WHERE kind = :kind AND id = :id;

-- name: limits_version
-- How often limits were changed.
SELECT last FROM counter WHERE name = 'limits';

-- name: set_call_limit
-- Limit an account, a deployment or a batch, whatever held for it before.
INSERT INTO call_limit (kind, id, calls_per_second, max_calls, settled)
VALUES (:kind, :id, :calls_per_second, :max_calls, :kind <> 'batch')
ON CONFLICT (kind, id)
DO UPDATE SET calls_per_second = :calls_per_second, max_calls = :max_calls;

-- name: drop_call_limit
-- Limit an account, a deployment or a batch no more.
DELETE FROM call_limit WHERE kind = :kind AND id = :id;

-- name: trunk_limits
-- What was changed of any trunk's limits.
SELECT trunk, calls_per_second, max_calls FROM trunk_limit;

-- name: set_trunk_limit
-- Limit a trunk otherwise than its settings do, whatever held for it before.
INSERT INTO trunk_limit (trunk, calls_per_second, max_calls)
VALUES (:trunk, :calls_per_second, :max_calls)
ON CONFLICT (trunk) DO UPDATE SET calls_per_second = :calls_per_second, max_calls = :max_calls;

-- name: drop_trunk_limit
-- Limit a trunk as its settings do.
DELETE FROM trunk_limit WHERE trunk = :trunk;

-- name: give_segments_their_lane
-- Let a list be claimed by itself.
UPDATE segment SET lane = :batch WHERE batch = :batch;

-- name: unsettled_limits
-- Batches with limits of their own whose calls may still wait among others.
SELECT l.id, b.deployment, b.live_seq
  FROM call_limit l JOIN batch b ON b.id = l.id
 WHERE l.settled = 0
 ORDER BY l.id;

-- name: give_due_their_lane
-- Let up to :limit calls that wait in a batch be claimed by themselves.
UPDATE due SET lane = :batch
 WHERE call IN (SELECT call FROM due
                 WHERE deployment = :deployment AND is_held IN (0, 1)
                   AND live_seq = :live_seq AND lane = 0
                 LIMIT :limit);

-- name: settle_limit
-- Note that no call of a batch waits among others any more.
UPDATE call_limit SET settled = 1 WHERE kind = 'batch' AND id = :batch;
