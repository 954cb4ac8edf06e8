-- name: add_death
-- Note that a call was in motion under a claim when its process died, once.
INSERT INTO death (call, attempt, owner, at) VALUES (:call, :attempt, :owner, :at)
ON CONFLICT DO NOTHING;

-- name: deaths_of_call
-- In how many deaths a call was in motion.
SELECT count(*) FROM death WHERE call = :call;

-- name: add_quarantine
-- Let a call that waits be claimed no more until a person releases it.
INSERT INTO quarantine (call, at) VALUES (:call, :now) ON CONFLICT DO NOTHING;

-- name: set_due
-- When a waiting call is due; never before its window.
UPDATE due SET next_at = max(:next_at, (SELECT b.opens_at FROM call c JOIN batch b ON b.id = c.batch
                                         WHERE c.id = :call))
 WHERE call = :call;

-- name: remove_quarantine
-- Let a quarantined call go on if it still waits.
DELETE FROM quarantine
 WHERE call = :call AND EXISTS (SELECT 1 FROM due WHERE call = :call);

-- name: forget_deaths
-- Forget in which deaths a call was in motion.
DELETE FROM death WHERE call = :call;

-- name: quarantined_calls
-- Those of the calls in the JSON list :calls that wait for a person.
SELECT q.call FROM quarantine q
 WHERE q.call IN (SELECT value FROM json_each(:calls))
   AND EXISTS (SELECT 1 FROM due w WHERE w.call = q.call);
