-- Whether what is said on a batch's calls is recorded; NULL = as its script says.

ALTER TABLE batch ADD COLUMN record INTEGER CHECK (record IN (0, 1));

DROP VIEW in_motion;
CREATE VIEW in_motion AS
SELECT a.call, a.attempt, a.owner,
       CASE WHEN t.call IS NULL THEN 'claimed'
            WHEN t.answered_at IS NULL THEN 'dialing'
            ELSE 'connected' END AS state,
       coalesce(t.trunk, a.trunk) AS trunk, a.claimed_at,
       -- This one counts once it is dialled.
       a.attempt - a.given_back - (t.call IS NULL) AS counted, a.given_back,
       b.deployment, b.opens_at, b.closes_at, b.start_given, b.max_attempts, b.wait,
       b.wait_given, b.result_url, b.is_pci, b.record,
       EXISTS (SELECT 1 FROM cancellation x
                WHERE x.deployment = b.deployment AND x.through >= b.live_seq
                  AND x.since <= b.live_seq)
       OR EXISTS (SELECT 1 FROM call_cancellation y WHERE y.call = a.call) AS canceled,
       t.started_at, t.trunk AS dialed_on, t.dialed, t.caller_id, t.sip_call_id, t.from_tag,
       t.branch, t.cseq, t.local_sip, t.remote_address, t.rang_at, t.early_tag, t.to_tag,
       t.remote_target, t.route_set, t.dialog_cseq
  FROM active a
  JOIN call c ON c.id = a.call
  JOIN batch b ON b.id = c.batch
  LEFT JOIN attempt t ON t.call = a.call AND t.number = a.attempt;
