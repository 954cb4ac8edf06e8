-- name: email_of_user
-- The address of a user.
SELECT email FROM account_user WHERE id = :user;

-- name: add_api_key
-- Add a key; only its hash is kept.
INSERT INTO api_key (user, name, key_hash, scopes, created_at, expires_at)
VALUES (:user, :name, :key_hash, :scopes, :now, :expires_at)
RETURNING id;

-- name: api_keys
-- A user's keys in the order they were made.
SELECT id, user, name, scopes, created_at, expires_at, revoked_at
  FROM api_key WHERE user = :user ORDER BY id;

-- name: api_key
-- One key.
SELECT id, user, name, scopes, created_at, expires_at, revoked_at FROM api_key WHERE id = :key;

-- name: api_key_by_hash
-- The key with that hash, whatever became of it.
SELECT id, user, name, scopes, created_at, expires_at, revoked_at
  FROM api_key WHERE key_hash = :key_hash;

-- name: revoke_api_key
-- Let a key open nothing more; the first time counts.
UPDATE api_key SET revoked_at = :now WHERE id = :key AND revoked_at IS NULL;
