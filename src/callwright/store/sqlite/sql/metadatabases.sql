-- name: add_metadatabase
-- Add a metadatabase, or return no row when the account has one of that name.
INSERT INTO metadatabase (account, name, name_key, columns, created_at)
VALUES (:account, :name, :name_key, :columns, :now)
ON CONFLICT (account, name_key) DO NOTHING
RETURNING id;

-- name: metadatabase_by_name
-- The metadatabase of an account with that name, whatever its case.
SELECT id, account, name, columns FROM metadatabase
 WHERE account = :account AND name_key = :name_key;

-- name: metadatabases
-- Every metadatabase of an account in the order they were added.
SELECT id, account, name, columns FROM metadatabase WHERE account = :account ORDER BY id;

-- name: add_record
-- Add a record to a metadatabase.
INSERT INTO metadatabase_record (metadatabase, user, at, record)
VALUES (:metadatabase, :user, :now, :record);

-- name: metadatabase_records
-- The next :limit records of a metadatabase after the one with the id :after.
SELECT id, user, at, record FROM metadatabase_record
 WHERE metadatabase = :metadatabase AND id > :after
 ORDER BY id
 LIMIT :limit;
