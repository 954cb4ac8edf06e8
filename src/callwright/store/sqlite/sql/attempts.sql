-- name: start_dialing
-- Move a claim to dialling, if this owner still holds it for this attempt.
UPDATE active SET state = 'dialing', trunk = :trunk, counted = counted + 1
 WHERE call = :call AND attempt = :attempt AND owner = :owner AND state = 'claimed';

-- name: add_attempt
-- Write an attempt down before anything of it is sent; its number can be used only once.
INSERT INTO attempt (call, number, started_at, trunk, dialed, caller_id, sip_call_id, from_tag,
                     branch, cseq, local_sip)
VALUES (:call, :attempt, :at, :trunk, :number, :caller_id, :sip_call_id, :from_tag,
        :branch, :cseq, :local_sip);

-- name: note_sent
-- Note where the INVITE of an attempt that runs went.
UPDATE attempt SET remote_address = :remote_address
 WHERE call = :call AND number = :attempt AND ended_at IS NULL;

-- name: note_ringing
-- Note when the callee first rang; the first time counts.
UPDATE attempt SET rang_at = :at
 WHERE call = :call AND number = :attempt AND rang_at IS NULL AND ended_at IS NULL;

-- name: start_talking
-- Move a dialling call to connected, if this owner still holds it for this attempt.
UPDATE active SET state = 'connected'
 WHERE call = :call AND attempt = :attempt AND owner = :owner AND state = 'dialing';

-- name: note_answered
-- Note when the callee answered, and what a BYE would need.
UPDATE attempt SET answered_at = :at, to_tag = :to_tag, remote_target = :remote_target,
                   route_set = :route_set, dialog_cseq = :cseq
 WHERE call = :call AND number = :attempt;

-- name: add_answer
-- Keep what the callee keyed after all that was keyed before in this attempt.
INSERT INTO answer (call, attempt, position, at, name, value)
SELECT :call, :attempt, 1 + coalesce(max(position), 0), :at, :name, :value
  FROM answer WHERE call = :call AND attempt = :attempt;

-- name: leave_active
-- Take a call out of motion, if it still stands under just this claim, in just this state.
DELETE FROM active
 WHERE call = :call AND attempt = :attempt AND owner = :owner AND state = :state
RETURNING counted, given_back;

-- name: end_attempt
-- Note how an attempt ended; it ends once.
UPDATE attempt SET ended_at = :at, outcome = :outcome, counts = :counts, sip_code = :sip_code,
                   reason = :reason
 WHERE call = :call AND number = :attempt AND ended_at IS NULL;

-- name: end_call
-- Note the final state of a call that is in motion no more; it ends once.
INSERT INTO ended (call, state, at) VALUES (:call, :state, :at);

-- name: active_call
-- One call in motion under just this claim, with its attempt once that is written down.
SELECT * FROM in_motion WHERE call = :call AND attempt = :attempt AND owner = :owner;

-- name: active_calls
-- Every call in motion that this owner holds, the longest held first.
SELECT * FROM in_motion WHERE owner = :owner ORDER BY claimed_at, call;

-- name: dead_calls
-- Every call in motion whose owner has no heartbeat at or after :alive_since.
SELECT * FROM in_motion
 WHERE NOT EXISTS (SELECT 1 FROM owner o
                    WHERE o.id = in_motion.owner AND o.heartbeat_at >= :alive_since)
 ORDER BY claimed_at, call;
