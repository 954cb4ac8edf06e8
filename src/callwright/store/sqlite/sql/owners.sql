-- name: add_owner
-- Note a process that dials from now on.
INSERT INTO owner (id, heartbeat_at) VALUES (:owner, :now);

-- name: heartbeat
-- Note that an owner lives; no row: it was given up.
UPDATE owner SET heartbeat_at = :now WHERE id = :owner;

-- name: remove_owner
-- Forget an owner; what it still holds counts as dead.
DELETE FROM owner WHERE id = :owner;

-- name: server_mark
-- What is remembered of the servers that ran on this store. Those before there was a mark
-- left their heartbeats alone.
SELECT generation, coalesce(beat_at, (SELECT max(heartbeat_at) FROM owner)), held_at,
       held_because
  FROM server_mark;

-- name: next_generation
-- Count one start or heartbeat more.
UPDATE server_mark SET generation = max(generation, :above) + 1, beat_at = :now
RETURNING generation;

-- name: hold
-- Let every start be held from now on.
UPDATE server_mark SET held_at = :at, held_because = :because;

-- name: end_hold
-- Hold no start any more.
UPDATE server_mark SET held_at = NULL, held_because = NULL;

-- name: count_due_calls
-- How many calls could be claimed now, or :most if there are more.
SELECT min(:most,
           (SELECT count(*) FROM (
                SELECT 1 FROM due
                 WHERE is_held = 0 AND next_at <= :now AND (closes_at IS NULL OR closes_at > :now)
                 LIMIT :most))
           + (SELECT coalesce(sum(hi - cursor + 1), 0) FROM segment s
               WHERE live_seq IS NOT NULL AND cursor <= hi AND opens_at <= :now
                 AND (closes_at IS NULL OR closes_at > :now)
                 AND NOT EXISTS (SELECT 1 FROM pause p
                                  WHERE p.is_lifting = 0 AND p.deployment = s.deployment
                                    AND p.live_seq IN (0, s.live_seq))));
