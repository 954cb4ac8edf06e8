-- name: suppress
-- Put a number on an account's list; the first time counts.
INSERT INTO suppressed_number (account, number, at, call)
VALUES (:account, :number, :now, :call)
ON CONFLICT (account, number) DO NOTHING;

-- name: unsuppress
-- Take a number off an account's list.
DELETE FROM suppressed_number WHERE account = :account AND number = :number;

-- name: suppression
-- A row, if the number is on the account's list.
SELECT 1 FROM suppressed_number WHERE account = :account AND number = :number;

-- name: suppressions
-- The next :limit numbers on an account's list that sort after :after.
SELECT number, at, call FROM suppressed_number
 WHERE account = :account AND number > :after
 ORDER BY number
 LIMIT :limit;
