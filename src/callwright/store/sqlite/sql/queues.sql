-- name: look_at_trunk
-- Whether any single call or retry waits for :trunk, and whether any list that is open does;
-- when next a list opens for it, or what waits has to be sorted anew; how often limits changed.
SELECT EXISTS (SELECT 1 FROM due WHERE trunk = :trunk AND is_held = 0),
       EXISTS (SELECT 1 FROM segment WHERE trunk = :trunk AND is_open = 1 AND cursor <= hi),
       (SELECT min(at) FROM (
            SELECT at FROM (
                SELECT opens_at AS at FROM segment s
                 WHERE trunk = :trunk AND is_open = 0 AND live_seq IS NOT NULL AND cursor <= hi
                   AND NOT EXISTS (SELECT 1 FROM segment_stopped x WHERE x.lo = s.lo)
                 ORDER BY opens_at LIMIT 1)
            UNION ALL
            SELECT at FROM (SELECT at FROM pause WHERE settled = 0 ORDER BY at LIMIT 1)
            UNION ALL
            SELECT 0 FROM (SELECT 1 FROM call_limit WHERE settled = 0 LIMIT 1))),
       (SELECT last FROM counter WHERE name = 'limits');

-- name: waiting_singles
-- Single calls and retries that wait for :trunk: for each deployment, lane and whether they
-- were tried before, when the first is due. Steps from one to the next, however many wait.
-- Looks at the first :look of each only: those that have ended are being settled meanwhile.
WITH RECURSIVE queue(deployment, lane, tried) AS (
    SELECT deployment, lane, tried
      FROM (SELECT deployment, lane, tried FROM due
             WHERE trunk = :trunk AND is_held = 0
             ORDER BY deployment, lane, tried LIMIT 1)
    UNION ALL
    SELECT d.deployment, d.lane, d.tried
      FROM queue q
      JOIN due d ON d.call = coalesce(
           (SELECT call FROM due
             WHERE trunk = :trunk AND is_held = 0 AND deployment = q.deployment
               AND lane = q.lane AND tried > q.tried
             ORDER BY tried LIMIT 1),
           (SELECT call FROM due
             WHERE trunk = :trunk AND is_held = 0 AND deployment = q.deployment
               AND lane > q.lane
             ORDER BY lane LIMIT 1),
           (SELECT call FROM due
             WHERE trunk = :trunk AND is_held = 0 AND deployment > q.deployment
             ORDER BY deployment, lane, tried LIMIT 1))
)
SELECT q.deployment, p.account, q.lane, q.tried,
       (SELECT next_at
          FROM (SELECT call, next_at, closes_at FROM due
                 WHERE trunk = :trunk AND is_held = 0 AND deployment = q.deployment
                   AND lane = q.lane AND tried = q.tried
                 ORDER BY next_at, call
                 LIMIT :look) AS first
         WHERE (closes_at IS NULL OR closes_at > next_at)
           AND NOT EXISTS (SELECT 1 FROM due_stopped x WHERE x.call = first.call)
         LIMIT 1)
  FROM queue q JOIN deployment d ON d.id = q.deployment JOIN program p ON p.id = d.program;

-- name: waiting_lists
-- Lists that may be claimed for :trunk: for each deployment and lane, the opening of the first
-- by the moment they went live.
WITH RECURSIVE queue(deployment, lane) AS (
    SELECT deployment, lane
      FROM (SELECT deployment, lane FROM segment
             WHERE trunk = :trunk AND is_open = 1 AND cursor <= hi
             ORDER BY deployment, lane LIMIT 1)
    UNION ALL
    SELECT s.deployment, s.lane
      FROM queue q
      JOIN segment s ON s.lo = coalesce(
           (SELECT lo FROM segment
             WHERE trunk = :trunk AND is_open = 1 AND cursor <= hi
               AND deployment = q.deployment AND lane > q.lane
             ORDER BY lane LIMIT 1),
           (SELECT lo FROM segment
             WHERE trunk = :trunk AND is_open = 1 AND cursor <= hi
               AND deployment > q.deployment
             ORDER BY deployment, lane LIMIT 1))
)
SELECT q.deployment, p.account, q.lane, s.live_seq, s.opens_at
  FROM queue q
  JOIN deployment d ON d.id = q.deployment
  JOIN program p ON p.id = d.program
  JOIN segment s ON s.lo = (
       SELECT lo FROM segment s
        WHERE trunk = :trunk AND is_open = 1 AND cursor <= hi
          AND deployment = q.deployment AND lane = q.lane
          AND NOT EXISTS (SELECT 1 FROM segment_stopped x WHERE x.lo = s.lo)
        ORDER BY live_seq, lo LIMIT 1);
