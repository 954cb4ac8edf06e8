-- name: suppress
-- Put a number on an account's list; the first time counts.
INSERT INTO opt_out (account, number, at, call)
VALUES (:account, :number, :now, :call)
ON CONFLICT (account, number) DO NOTHING;

-- name: unsuppress
-- Take a number off an account's list.
DELETE FROM opt_out WHERE account = :account AND number = :number;

-- name: suppression
-- A row, if the number is on the account's list.
SELECT 1 FROM opt_out WHERE account = :account AND number = :number;

-- name: any_suppression
-- A row, if there is any number on the account's list.
SELECT 1 FROM opt_out WHERE account = :account LIMIT 1;

-- name: suppressed_among
-- Those of the numbers in the JSON list :numbers that are on the account's list.
SELECT number FROM opt_out
 WHERE account = :account AND number IN (SELECT value FROM json_each(:numbers));

-- name: suppressions
-- The next :limit numbers on an account's list below the id :below, the latest first.
SELECT id, number, at, call FROM opt_out
 WHERE account = :account AND id < :below
 ORDER BY id DESC
 LIMIT :limit;
