-- name: add_rejected_list
-- Note how a list is written that is being loaded; again does nothing.
INSERT INTO rejected_list (batch, header, delimiter)
SELECT id, :header, :delimiter FROM batch WHERE id = :batch AND state = 'loading'
ON CONFLICT (batch) DO NOTHING;

-- name: add_rejected_row
-- Keep one refused row.
INSERT INTO rejected_row (batch, line, problem, text) VALUES (:batch, :line, :problem, :text);

-- name: count_rejected_rows
-- Note that :count more rows of a list that is being loaded were refused.
UPDATE rejected_list SET rows = rows + :count
 WHERE batch = :batch
   AND EXISTS (SELECT 1 FROM batch b WHERE b.id = :batch AND b.state = 'loading');

-- name: rejected_list
-- How a list that is live was written, if some of its rows were refused.
SELECT r.header, r.delimiter, r.rows
  FROM rejected_list r JOIN batch b ON b.id = r.batch
 WHERE r.batch = :batch AND b.state = 'live';

-- name: rejected_rows
-- Up to :limit refused rows of a live list that stand below :after, in order.
SELECT r.line, r.problem, r.text
  FROM rejected_row r JOIN batch b ON b.id = r.batch
 WHERE r.batch = :batch AND r.line > :after AND b.state = 'live'
 ORDER BY r.line
 LIMIT :limit;

-- name: delete_rejected_rows
-- Delete up to :limit refused rows of a dropped batch.
DELETE FROM rejected_row
 WHERE batch = :batch
   AND line IN (SELECT line FROM rejected_row WHERE batch = :batch ORDER BY line LIMIT :limit);

-- name: delete_rejected_list
-- Forget how a dropped batch was written.
DELETE FROM rejected_list WHERE batch = :batch;
