-- name: kept_request
-- What is kept of a user's request with this key, unless its list was dropped.
SELECT fingerprint, at, batch, status, headers, body FROM repeatable_request r
 WHERE user = :user AND key = :key
   AND (batch IS NULL
        OR EXISTS (SELECT 1 FROM batch b WHERE b.id = r.batch AND b.state = 'loading'));

-- name: keep_request
-- Keep a request with its answer, or with the list that is being loaded for it.
INSERT INTO repeatable_request (user, key, fingerprint, at, batch, status, headers, body)
VALUES (:user, :key, :fingerprint, :now, :batch, :status, :headers, :body)
ON CONFLICT (user, key) DO UPDATE
   SET fingerprint = excluded.fingerprint, at = excluded.at, batch = excluded.batch,
       status = excluded.status, headers = excluded.headers, body = excluded.body;

-- name: forget_requests
-- Forget up to :limit requests that were kept before :before, the oldest first.
DELETE FROM repeatable_request
 WHERE (user, key) IN (SELECT user, key FROM repeatable_request
                        WHERE at < :before ORDER BY at LIMIT :limit);

-- name: note_list_file
-- Note which file a list came from.
INSERT INTO list_file (batch, deployment, hash, at) VALUES (:batch, :deployment, :hash, :now);

-- name: list_of_same_file
-- The list that went live last before a list and came from the same file, up to :within before.
SELECT other.batch
  FROM list_file f
  JOIN batch b ON b.id = f.batch
  JOIN list_file other ON other.deployment = f.deployment AND other.hash = f.hash
                      AND other.at >= f.at - :within
  JOIN batch o ON o.id = other.batch
 WHERE f.batch = :batch AND o.live_seq < b.live_seq
 ORDER BY o.live_seq DESC
 LIMIT 1;
