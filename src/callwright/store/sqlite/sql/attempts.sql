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
                WHERE a.call = i.call AND a.attempt = i.attempt AND a.owner = i.owner)
ON CONFLICT DO NOTHING
RETURNING call;

-- name: note_answer
-- Keep what was heard of an attempt that runs when the callee answered: what a BYE would need,
-- when it rang if that was not heard before, where its INVITE went. Only once, and only if this
-- owner still holds the call for it.
WITH heard (remote_address, rang_at, early_tag, answered_at, to_tag, remote_target, route_set,
            cseq, call, attempt, owner)
  AS (VALUES (:remote_address, :rang_at, :early_tag, :answered_at, :to_tag, :remote_target,
              :route_set, :cseq, :call, :attempt, :owner))
UPDATE attempt AS t SET remote_address = coalesce(h.remote_address, t.remote_address),
                        rang_at = coalesce(t.rang_at, h.rang_at),
                        early_tag = coalesce(t.early_tag, h.early_tag),
                        answered_at = h.answered_at, to_tag = h.to_tag,
                        remote_target = h.remote_target, route_set = h.route_set,
                        dialog_cseq = h.cseq
  FROM heard h
 WHERE t.call = h.call AND t.number = h.attempt AND t.ended_at IS NULL AND t.answered_at IS NULL
   AND EXISTS (SELECT 1 FROM active a
                WHERE a.call = h.call AND a.attempt = h.attempt AND a.owner = h.owner)
RETURNING call;

-- name: note_ringing
-- Keep what was heard of an attempt that runs before it is answered: where its INVITE went, and
-- when the callee first rang.
WITH heard (remote_address, rang_at, early_tag, call, attempt)
  AS (VALUES (:remote_address, :rang_at, :early_tag, :call, :attempt))
UPDATE attempt AS t SET remote_address = coalesce(h.remote_address, t.remote_address),
                        rang_at = coalesce(t.rang_at, h.rang_at),
                        early_tag = coalesce(t.early_tag, h.early_tag)
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

-- name: identify
-- Note who took the call in this attempt; the first word stands.
INSERT INTO identified (call, attempt, who, cause)
SELECT :call, :attempt, :who, :cause
 WHERE EXISTS (SELECT 1 FROM attempt WHERE call = :call AND number = :attempt)
ON CONFLICT DO NOTHING;

-- name: calls_in_motion
-- What a decision needs of the calls in motion whose ids the JSON list :calls holds.
SELECT call, attempt, owner, state, counted, given_back, deployment, canceled,
       rang_at IS NOT NULL, opens_at, closes_at, start_given, max_attempts, wait, wait_given,
       result_url, is_pci, record
  FROM in_motion
 WHERE call IN (SELECT value FROM json_each(:calls));

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
 WHERE t.call = o.call AND t.number = o.attempt AND t.ended_at IS NULL;

-- name: add_audio
-- Note how the audio of an attempt fared, which ends now.
INSERT INTO audio (call, attempt, sent, received, lost, jitter_ms, far_lost, far_jitter_ms,
                   round_trip_ms)
VALUES (:call, :attempt, :sent, :received, :lost, :jitter_ms, :far_lost, :far_jitter_ms,
        :round_trip_ms);

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
