-- name: add_attempt
-- Write an attempt down before anything of it is sent, if this owner holds the call for it;
-- a number can be used only once.
WITH intent (call, attempt, at, trunk, number, caller_id, sip_call_id, from_tag, branch, cseq,
             local_sip, owner)
  AS (VALUES (:call, :attempt, :at, :trunk, :number, :caller_id, :sip_call_id, :from_tag,
              :branch, :cseq, :local_sip, :owner))
INSERT INTO attempt (call, number, started_at, trunk, dialed, caller_id, sip_call_id, from_tag,
                     branch, cseq, local_sip)
SELECT call, attempt, at, trunk, number, caller_id, sip_call_id, from_tag, branch, cseq, local_sip
  FROM intent i
 WHERE EXISTS (SELECT 1 FROM active a
                WHERE a.call = i.call AND a.attempt = i.attempt AND a.owner = i.owner
                  AND a.state = 'claimed')
ON CONFLICT DO NOTHING
RETURNING call;

-- name: start_dialing
-- Move a claim, whose attempt was just written down, to dialling.
WITH begun (trunk, call) AS (VALUES (:trunk, :call))
UPDATE active AS a SET state = 'dialing', trunk = begun.trunk, counted = a.counted + 1
  FROM begun WHERE a.call = begun.call AND a.state = 'claimed';

-- name: start_talking
-- Move a dialling call to connected, if this owner still holds it for this attempt.
WITH answered (call, attempt, owner) AS (VALUES (:call, :attempt, :owner))
UPDATE active AS a SET state = 'connected'
  FROM answered b
 WHERE a.call = b.call AND a.attempt = b.attempt AND a.owner = b.owner AND a.state = 'dialing'
RETURNING call;

-- name: note_progress
-- Keep what was heard of an attempt that runs: where its INVITE went, when the callee first
-- rang, when it answered and what a BYE would need.
WITH heard (remote_address, rang_at, early_tag, answered_at, to_tag, remote_target, route_set,
            cseq, call, attempt)
  AS (VALUES (:remote_address, :rang_at, :early_tag, :answered_at, :to_tag, :remote_target,
              :route_set, :cseq, :call, :attempt))
UPDATE attempt AS t SET remote_address = coalesce(h.remote_address, t.remote_address),
                        rang_at = coalesce(t.rang_at, h.rang_at),
                        early_tag = coalesce(t.early_tag, h.early_tag),
                        answered_at = coalesce(t.answered_at, h.answered_at),
                        to_tag = coalesce(t.to_tag, h.to_tag),
                        remote_target = coalesce(t.remote_target, h.remote_target),
                        route_set = coalesce(t.route_set, h.route_set),
                        dialog_cseq = coalesce(t.dialog_cseq, h.cseq)
  FROM heard h
 WHERE t.call = h.call AND t.number = h.attempt AND t.ended_at IS NULL;

-- name: add_answer
-- Keep what the callee keyed after all that was keyed before in this attempt, once.
INSERT INTO answer (call, attempt, position, at, name, value)
SELECT :call, :attempt, 1 + coalesce(max(position), 0), :at, :name, :value
  FROM answer WHERE call = :call AND attempt = :attempt
HAVING NOT EXISTS (SELECT 1 FROM answer
                    WHERE call = :call AND attempt = :attempt
                      AND at = :at AND name = :name AND value = :value);

-- name: calls_in_motion
-- What a decision needs of the calls in motion whose ids the JSON list :calls holds.
SELECT a.call, a.attempt, a.owner, a.state, a.counted, a.given_back, b.deployment,
       EXISTS (SELECT 1 FROM cancellation x
                WHERE x.deployment = b.deployment AND x.through >= b.live_seq
                  AND x.since <= b.live_seq)
       OR EXISTS (SELECT 1 FROM call_cancellation y WHERE y.call = a.call),
       EXISTS (SELECT 1 FROM attempt t
                WHERE t.call = a.call AND t.number = a.attempt AND t.rang_at IS NOT NULL),
       b.opens_at, b.closes_at, b.start_given, b.max_attempts, b.wait, b.wait_given,
       b.result_url, b.is_pci
  FROM active a JOIN call c ON c.id = a.call JOIN batch b ON b.id = c.batch
 WHERE a.call IN (SELECT value FROM json_each(:calls));

-- name: leave_active
-- Take the calls whose ids the JSON list :calls holds out of motion.
DELETE FROM active WHERE call IN (SELECT value FROM json_each(:calls));

-- name: end_attempt
-- Note how an attempt ended; it ends once.
WITH over (at, outcome, counts, sip_code, reason, call, attempt)
  AS (VALUES (:at, :outcome, :counts, :sip_code, :reason, :call, :attempt))
UPDATE attempt AS t SET ended_at = o.at, outcome = o.outcome, counts = o.counts,
                        sip_code = o.sip_code, reason = o.reason
  FROM over o
 WHERE t.call = o.call AND t.number = o.attempt AND t.ended_at IS NULL
RETURNING call;

-- name: end_call
-- Note the final state of a call that is in motion no more; it ends once.
INSERT INTO ended (call, state, at) VALUES (:call, :state, :at);

-- name: add_refusal
-- Note why a call that has ended was not to be dialled.
INSERT INTO refusal (call, reason) VALUES (:call, :reason);

-- name: active_call
-- One call in motion under just this claim, with its attempt once that is written down.
SELECT * FROM in_motion WHERE call = :call AND attempt = :attempt AND owner = :owner;

-- name: active_calls
-- Every call in motion that this owner holds, the longest held first.
SELECT * FROM in_motion WHERE owner = :owner ORDER BY claimed_at, call;

-- name: holds
-- Which calls in motion this owner holds, for which attempt.
SELECT call, attempt FROM active WHERE owner = :owner ORDER BY call;

-- name: dead_calls
-- Every call in motion whose owner has no heartbeat at or after :alive_since.
SELECT * FROM in_motion
 WHERE NOT EXISTS (SELECT 1 FROM owner o
                    WHERE o.id = in_motion.owner AND o.heartbeat_at >= :alive_since)
 ORDER BY claimed_at, call;
