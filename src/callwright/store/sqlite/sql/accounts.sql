-- name: add_account
-- Add an account; the name must be free.
INSERT INTO account (name, created_at) VALUES (:name, :now) RETURNING id;

-- name: account_by_name
-- The id of the account with just this name.
SELECT id FROM account WHERE name = :name;

-- name: set_pci_granted
-- Allow or forbid an account to queue PCI calls.
UPDATE account SET pci_granted = :granted WHERE id = :account;

-- name: add_user
-- Add a user, or return no row when the address is taken in any spelling of its case.
INSERT INTO account_user (account, email, email_key, key_hash, is_admin, created_at)
VALUES (:account, :email, :email_key, :key_hash, :is_admin, :now)
ON CONFLICT (email_key) DO NOTHING
RETURNING id;

-- name: set_user_key
-- Replace the hash of a user's developer key.
UPDATE account_user SET key_hash = :key_hash WHERE id = :user;

-- name: set_user_active
-- Let a user in, or keep them out.
UPDATE account_user SET is_active = :active WHERE id = :user;

-- name: delete_user
-- Mark a user as deleted; the first time counts.
UPDATE account_user SET deleted_at = :now WHERE id = :user AND deleted_at IS NULL;

-- name: grant_right
-- Give a user a right; giving it again changes nothing.
INSERT INTO user_right (user, name) VALUES (:user, :name) ON CONFLICT DO NOTHING;

-- name: user_by_email
-- The user whose address this is, whatever its case, with their rights as a JSON list.
SELECT u.id, u.account, u.email, u.key_hash, u.is_admin, u.is_active, u.deleted_at,
       a.is_active, a.pci_granted,
       (SELECT json_group_array(r.name) FROM user_right r WHERE r.user = u.id)
  FROM account_user u JOIN account a ON a.id = u.account
 WHERE u.email_key = :email_key;

-- name: users
-- Every user in the order they were added, with their rights as a JSON list.
SELECT u.id, u.account, u.email, u.key_hash, u.is_admin, u.is_active, u.deleted_at,
       a.is_active, a.pci_granted,
       (SELECT json_group_array(r.name) FROM user_right r WHERE r.user = u.id)
  FROM account_user u JOIN account a ON a.id = u.account
 ORDER BY u.id;
