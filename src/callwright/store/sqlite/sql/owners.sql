-- name: add_owner
-- Note a process that dials from now on.
INSERT INTO owner (id, heartbeat_at) VALUES (:owner, :now);

-- name: heartbeat
-- Note that an owner lives; no row: it was given up.
UPDATE owner SET heartbeat_at = :now WHERE id = :owner;

-- name: remove_owner
-- Forget an owner; what it still holds counts as dead.
DELETE FROM owner WHERE id = :owner;
