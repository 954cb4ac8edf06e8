-- Queues of their own for deployments, so that none holds up another, and limits for callers.

-- How many calls an account, a deployment or a batch may start, beside what its trunk may.
CREATE TABLE call_limit (
    kind TEXT NOT NULL CHECK (kind IN ('account', 'deployment', 'batch')),
    -- Of the account, the deployment or the batch.
    id INTEGER NOT NULL,
    calls_per_second REAL CHECK (calls_per_second > 0),
    max_calls INTEGER CHECK (max_calls >= 1),
    -- 0 while calls of the batch may wait among others of its deployment.
    settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
    PRIMARY KEY (kind, id),
    CHECK (calls_per_second IS NOT NULL OR max_calls IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX call_limit_unsettled ON call_limit (id) WHERE settled = 0;

-- Counts the changes of call_limit.
INSERT INTO counter (name, last) VALUES ('limits', 0);

-- The batch, where that has limits of its own; 0 = waits among others of its deployment.
ALTER TABLE due ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;
-- 1: waits for another attempt.
ALTER TABLE due ADD COLUMN tried INTEGER NOT NULL AS (counted + given_back > 0);
ALTER TABLE segment ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;

DROP INDEX due_next;
CREATE INDEX due_next ON due (trunk, deployment, lane, tried, next_at) WHERE is_held = 0;
DROP INDEX due_deployment;
CREATE INDEX due_deployment ON due (deployment, is_held, live_seq, lane);
DROP INDEX segment_open;
CREATE INDEX segment_open ON segment (trunk, deployment, lane, live_seq, lo)
    WHERE is_open = 1 AND cursor <= hi;

-- Calls that wait and must not be taken, although they still stand where others do: a
-- cancellation or a pause stops them, or they do not stand yet where their limits say.
CREATE VIEW due_stopped AS
SELECT d.call FROM due d
 WHERE EXISTS (SELECT 1 FROM cancellation c
                WHERE c.settled = 0 AND c.deployment = d.deployment
                  AND c.through >= d.live_seq AND c.since <= d.live_seq)
    OR EXISTS (SELECT 1 FROM call_cancellation x WHERE x.settled = 0 AND x.call = d.call)
    OR EXISTS (SELECT 1 FROM pause p
                WHERE p.settled = 0 AND p.is_lifting = 0 AND p.deployment = d.deployment
                  AND p.live_seq IN (0, d.live_seq))
    OR EXISTS (SELECT 1 FROM call_limit l JOIN batch b ON b.id = l.id
                WHERE l.settled = 0 AND l.kind = 'batch' AND d.lane = 0
                  AND b.live_seq = d.live_seq);

-- Parts of lists that wait and must not be taken: a cancellation or a pause stops them.
CREATE VIEW segment_stopped AS
SELECT s.lo FROM segment s
 WHERE EXISTS (SELECT 1 FROM cancellation c
                WHERE c.settled = 0 AND c.deployment = s.deployment
                  AND c.through >= s.live_seq AND c.since <= s.live_seq)
    OR EXISTS (SELECT 1 FROM pause p
                WHERE p.is_lifting = 0 AND p.deployment = s.deployment
                  AND p.live_seq IN (0, s.live_seq));
