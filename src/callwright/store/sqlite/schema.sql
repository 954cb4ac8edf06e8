-- The database as the newest migration leaves it, in one piece, for reading.
-- Times are whole microseconds since 1970 in UTC. A test builds one database from the
-- migrations and one from this file, and compares them.

-- Accounts and what they deploy ---------------------------------------------------------

CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    pci_granted INTEGER NOT NULL DEFAULT 0 CHECK (pci_granted IN (0, 1)),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE account_user (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account,
    email TEXT NOT NULL,
    -- The address without case: one person cannot have two accounts by typing differently.
    email_key TEXT NOT NULL UNIQUE,
    key_hash BLOB NOT NULL,
    is_admin INTEGER NOT NULL CHECK (is_admin IN (0, 1)),
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;

CREATE TABLE user_right (
    user INTEGER NOT NULL REFERENCES account_user,
    name TEXT NOT NULL,
    PRIMARY KEY (user, name)
) STRICT, WITHOUT ROWID;

-- Keys that may do less than their user's developer key.
CREATE TABLE api_key (
    id INTEGER PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES account_user,
    name TEXT NOT NULL,
    key_hash BLOB NOT NULL UNIQUE,
    -- A JSON list of words.
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE INDEX api_key_user ON api_key (user);

CREATE TABLE program (
    id INTEGER PRIMARY KEY,
    product TEXT NOT NULL CHECK (product IN ('fuse', 'insight')),
    account INTEGER NOT NULL REFERENCES account,
    owner INTEGER NOT NULL REFERENCES account_user,
    name TEXT NOT NULL,
    script TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
, metadatabase INTEGER REFERENCES metadatabase) STRICT;
-- metadatabase: where a survey's calls take the names of their variables from.

CREATE TABLE metadatabase (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account,
    name TEXT NOT NULL,
    -- The name without case.
    name_key TEXT NOT NULL,
    -- A JSON list of column names.
    columns TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (account, name_key)
) STRICT;

CREATE TABLE metadatabase_record (
    id INTEGER PRIMARY KEY,
    metadatabase INTEGER NOT NULL REFERENCES metadatabase,
    user INTEGER NOT NULL REFERENCES account_user,
    at INTEGER NOT NULL,
    -- A JSON object of values by column.
    record TEXT NOT NULL
) STRICT;

CREATE INDEX metadatabase_record_of ON metadatabase_record (metadatabase, id);

CREATE TABLE deployment (
    id INTEGER PRIMARY KEY,
    program INTEGER NOT NULL REFERENCES program,
    label TEXT NOT NULL,
    script TEXT NOT NULL,
    variables TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    trunk TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    max_responses INTEGER CHECK (max_responses >= 0),
    responses INTEGER NOT NULL DEFAULT 0 CHECK (responses >= 0),
    deleted_at INTEGER
, retry_rules TEXT) STRICT;
-- retry_rules: a JSON object: waits, waits_after, never_after; microseconds. NULL = nothing.

CREATE INDEX deployment_program ON deployment (program);

-- What was queued: written once, never changed ------------------------------------------

-- The last number given out of each kind. Calls cannot take SQLite's own next rowid,
-- because a list reserves a range of them and others queue meanwhile.
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counter (name, last) VALUES ('call', 0), ('limits', 0), ('live', 0);

CREATE TABLE batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    deployment INTEGER NOT NULL REFERENCES deployment,
    user INTEGER NOT NULL REFERENCES account_user,
    state TEXT NOT NULL CHECK (state IN ('loading', 'live', 'dropped')),
    -- The order in which batches went live; a cancellation covers all up to its own mark.
    live_seq INTEGER,
    queued_at INTEGER NOT NULL,
    -- The call of a batch that never was a list; a list's calls stand in its segments.
    only_call INTEGER,
    opens_at INTEGER NOT NULL,
    closes_at INTEGER CHECK (closes_at > opens_at),
    start_given INTEGER NOT NULL CHECK (start_given IN (0, 1)),
    max_attempts INTEGER NOT NULL CHECK (max_attempts BETWEEN 1 AND 10),
    wait INTEGER NOT NULL CHECK (wait >= 0),
    wait_given INTEGER NOT NULL CHECK (wait_given IN (0, 1)),
    result_url TEXT NOT NULL,
    is_pci INTEGER NOT NULL CHECK (is_pci IN (0, 1)), record INTEGER CHECK (record IN (0, 1)),
    CHECK ((state = 'live') = (live_seq IS NOT NULL))
) STRICT;
-- record: whether what is said is recorded; NULL = as the script says.

CREATE INDEX batch_not_live ON batch (state) WHERE state <> 'live';

-- Lists among the batches, most of which are single calls.
CREATE INDEX batch_lists ON batch (id) WHERE only_call IS NULL;

CREATE TABLE call (
    id INTEGER PRIMARY KEY,
    batch INTEGER NOT NULL REFERENCES batch,
    sent TEXT NOT NULL,
    number TEXT NOT NULL,
    ani TEXT NOT NULL,
    postd TEXT NOT NULL,
    variables TEXT NOT NULL
) STRICT;

CREATE TRIGGER call_never_changes BEFORE UPDATE ON call BEGIN
    SELECT raise(ABORT, 'a call is written once and never changed');
END;

-- Numbers that an account never calls again, whatever the program.
CREATE TABLE opt_out (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account,
    -- E.164
    number TEXT NOT NULL,
    at INTEGER NOT NULL,
    -- The call in which the callee asked for it; NULL = an operator entered it. No reference:
    -- a call may be forgotten before the wish is.
    call INTEGER,
    UNIQUE (account, number)
) STRICT;

CREATE INDEX opt_out_by_account ON opt_out (account, id);

-- Requests that came with an Idempotency-Key: what they asked for, and what they were told.
CREATE TABLE repeatable_request (
    user INTEGER NOT NULL REFERENCES account_user,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    at INTEGER NOT NULL,
    -- The list that is being loaded for a request not answered yet; the row is worth nothing
    -- once that list is dropped.
    batch INTEGER,
    status INTEGER,
    -- A JSON list of names and values by turns.
    headers TEXT,
    body BLOB,
    PRIMARY KEY (user, key),
    CHECK ((batch IS NULL) = (status IS NOT NULL)),
    CHECK ((status IS NULL) = (headers IS NULL) AND (status IS NULL) = (body IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX repeatable_request_at ON repeatable_request (at);

-- Which file a list came from, so that the same one is noticed when it comes again.
CREATE TABLE list_file (
    batch INTEGER PRIMARY KEY REFERENCES batch,
    deployment INTEGER NOT NULL REFERENCES deployment,
    -- SHA-256 of its bytes
    hash BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX list_file_same ON list_file (deployment, hash, at);

-- Rows of lists that were refused while the others were queued ---------------------------

-- How such a list was written, so that its refused rows can be given back in the same form.
CREATE TABLE rejected_list (
    batch INTEGER PRIMARY KEY REFERENCES batch,
    -- The header row as it was sent.
    header TEXT NOT NULL,
    delimiter TEXT NOT NULL CHECK (length(delimiter) = 1),
    rows INTEGER NOT NULL DEFAULT 0 CHECK (rows >= 0)
) STRICT;

CREATE TABLE rejected_row (
    batch INTEGER NOT NULL REFERENCES rejected_list,
    -- Of the file, from 1.
    line INTEGER NOT NULL CHECK (line >= 1),
    problem TEXT NOT NULL,
    -- The row as it was sent.
    text TEXT NOT NULL,
    PRIMARY KEY (batch, line)
) STRICT, WITHOUT ROWID;

-- What is in motion ---------------------------------------------------------------------

-- A run of consecutive call ids of one list. Ids below the cursor were handed out; those
-- from the cursor to hi wait; those above hi, up to room, are reserved for the next slice.
-- lane: as in due.
CREATE TABLE segment (
    lo INTEGER PRIMARY KEY,
    hi INTEGER NOT NULL,
    room INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    batch INTEGER NOT NULL REFERENCES batch,
    deployment INTEGER NOT NULL,
    trunk TEXT NOT NULL,
    live_seq INTEGER,
    opens_at INTEGER NOT NULL,
    closes_at INTEGER,
    -- Set once opens_at has passed, so that claiming does not wade through later lists.
    is_open INTEGER NOT NULL DEFAULT 0 CHECK (is_open IN (0, 1)), lane INTEGER NOT NULL DEFAULT 0,
    CHECK (lo - 1 <= hi AND hi <= room),
    CHECK (lo <= cursor AND cursor <= hi + 1)
) STRICT;

CREATE INDEX segment_batch ON segment (batch);
CREATE INDEX segment_open ON segment (trunk, deployment, lane, live_seq, lo)
    WHERE is_open = 1 AND cursor <= hi;
CREATE INDEX segment_opening ON segment (trunk, opens_at)
    WHERE is_open = 0 AND live_seq IS NOT NULL AND cursor <= hi;
CREATE INDEX segment_closing ON segment (closes_at)
    WHERE live_seq IS NOT NULL AND closes_at IS NOT NULL AND cursor <= hi;
CREATE INDEX segment_deployment ON segment (deployment, live_seq)
    WHERE live_seq IS NOT NULL AND cursor <= hi;

CREATE TRIGGER segment_hands_out_once BEFORE UPDATE OF cursor ON segment
WHEN new.cursor < old.cursor BEGIN
    SELECT raise(ABORT, 'a call handed out by its list is never handed out again');
END;

-- Single calls and retries that wait.
CREATE TABLE due (
    call INTEGER PRIMARY KEY REFERENCES call,
    trunk TEXT NOT NULL,
    next_at INTEGER NOT NULL,
    closes_at INTEGER,
    deployment INTEGER NOT NULL,
    live_seq INTEGER NOT NULL,
    counted INTEGER NOT NULL CHECK (counted >= 0),
    given_back INTEGER NOT NULL CHECK (given_back >= 0)
, is_held INTEGER NOT NULL DEFAULT 0 CHECK (is_held IN (0, 1)), lane INTEGER NOT NULL DEFAULT 0, tried INTEGER NOT NULL AS (counted + given_back > 0)) STRICT;
-- is_held: put aside because a pause holds it, so that claiming need not wade through it.
-- lane: the batch, where that has limits of its own; 0 = waits among others of its deployment.
-- tried: 1 = waits for another attempt.

CREATE INDEX due_next ON due (trunk, deployment, lane, tried, next_at) WHERE is_held = 0;
CREATE INDEX due_closing ON due (closes_at) WHERE closes_at IS NOT NULL;
CREATE INDEX due_deployment ON due (deployment, is_held, live_seq, lane);

-- Calls that somebody works on; one row a call, so none can be claimed twice.
CREATE TABLE active (
    call INTEGER PRIMARY KEY REFERENCES call,
    -- The attempt that it is claimed for. Once its row is written down it is being dialled, and
    -- once that row has an answer the call is connected.
    attempt INTEGER NOT NULL,
    owner TEXT NOT NULL,
    -- Under which it waited.
    trunk TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    -- Attempts before this one that do not count.
    given_back INTEGER NOT NULL CHECK (given_back >= 0),
    CHECK (attempt > given_back)
) STRICT;

CREATE TABLE owner (
    id TEXT PRIMARY KEY,
    heartbeat_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cancellation (
    id INTEGER PRIMARY KEY,
    deployment INTEGER NOT NULL REFERENCES deployment,
    -- Covers every batch of the deployment whose live_seq is not greater.
    through INTEGER NOT NULL,
    at INTEGER NOT NULL,
    -- 1 once no waiting call is covered by it any more.
    settled INTEGER NOT NULL CHECK (settled IN (0, 1))
, since INTEGER NOT NULL DEFAULT 0) STRICT;
-- since: of a cancellation of one list, that list's live_seq, which is through as well.

CREATE INDEX cancellation_deployment ON cancellation (deployment, through);
CREATE INDEX cancellation_unsettled ON cancellation (deployment, through, at) WHERE settled = 0;

-- Calls that are cancelled one by one.
CREATE TABLE call_cancellation (
    call INTEGER PRIMARY KEY REFERENCES call,
    at INTEGER NOT NULL,
    -- 1 once the call does not wait any more.
    settled INTEGER NOT NULL CHECK (settled IN (0, 1))
) STRICT;

CREATE INDEX call_cancellation_unsettled ON call_cancellation (call) WHERE settled = 0;

-- What is held back: claiming passes it by, whatever its size.
CREATE TABLE pause (
    deployment INTEGER NOT NULL REFERENCES deployment,
    -- The list or call that it holds, by the moment that went live; 0 = all of the
    -- deployment, also what is queued later.
    live_seq INTEGER NOT NULL CHECK (live_seq >= 0),
    at INTEGER NOT NULL,
    user INTEGER NOT NULL REFERENCES account_user,
    -- 1: holds nothing any more, and stays only until what it put aside is back.
    is_lifting INTEGER NOT NULL CHECK (is_lifting IN (0, 1)),
    -- 1 once every row of due that it holds is put aside.
    settled INTEGER NOT NULL CHECK (settled IN (0, 1)),
    PRIMARY KEY (deployment, live_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX pause_unsettled ON pause (at) WHERE settled = 0;

-- Calls that were in motion when a process died.
CREATE TABLE death (
    call INTEGER NOT NULL REFERENCES call,
    -- The attempt that was claimed or under way.
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    -- Of the process that died, or whose line did.
    owner TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (call, attempt, owner)
) STRICT, WITHOUT ROWID;

-- Waiting calls that only a person lets go on. The due row of each lies at the end of time,
-- so that claiming never meets it.
CREATE TABLE quarantine (
    call INTEGER PRIMARY KEY REFERENCES call,
    at INTEGER NOT NULL
) STRICT;

-- What a start needs to know of the servers before it.
CREATE TABLE server_mark (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- Counted up at each start and heartbeat, and noted outside the database too: an older
    -- copy of the database is behind that note.
    generation INTEGER NOT NULL CHECK (generation >= 0),
    -- The last heartbeat of any server; NULL = there was none.
    beat_at INTEGER,
    -- Since when nothing is dialled until a person says so, and why.
    held_at INTEGER,
    held_because TEXT,
    CHECK ((held_at IS NULL) = (held_because IS NULL))
) STRICT;

INSERT INTO server_mark (id, generation) VALUES (1, 0);

-- Who is limited -----------------------------------------------------------------------

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

-- What trunks may do, where it was changed while the server ran.
CREATE TABLE trunk_limit (
    -- As the settings call it.
    trunk TEXT PRIMARY KEY,
    -- NULL = as the settings say.
    calls_per_second REAL CHECK (calls_per_second > 0),
    max_calls INTEGER CHECK (max_calls >= 1),
    CHECK (calls_per_second IS NOT NULL OR max_calls IS NOT NULL)
) STRICT, WITHOUT ROWID;

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

-- What happened -------------------------------------------------------------------------

-- Written before the first byte is sent; the key is why no number is dialled twice.
CREATE TABLE attempt (
    call INTEGER NOT NULL REFERENCES call,
    number INTEGER NOT NULL CHECK (number >= 1),
    started_at INTEGER NOT NULL,
    trunk TEXT NOT NULL,
    dialed TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    sip_call_id TEXT NOT NULL,
    from_tag TEXT NOT NULL,
    branch TEXT NOT NULL,
    cseq INTEGER NOT NULL,
    local_sip TEXT NOT NULL,
    remote_address TEXT NOT NULL DEFAULT '',
    rang_at INTEGER,
    answered_at INTEGER,
    to_tag TEXT,
    remote_target TEXT,
    route_set TEXT,
    dialog_cseq INTEGER,
    ended_at INTEGER,
    outcome TEXT,
    counts INTEGER NOT NULL DEFAULT 1 CHECK (counts IN (0, 1)),
    sip_code INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '', early_tag TEXT,
    PRIMARY KEY (call, number),
    CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CHECK ((answered_at IS NULL) = (to_tag IS NULL))
) STRICT, WITHOUT ROWID;
-- early_tag: the callee's tag in its first ringing, for a BYE to a leg whose answer was never
-- heard.

-- Calls in motion with all that recovery and a decision about them need.
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

CREATE TRIGGER attempt_ends_once AFTER UPDATE ON attempt
WHEN old.ended_at IS NOT NULL BEGIN
    SELECT raise(ABORT, 'an attempt that is over never changes');
END;

CREATE TABLE answer (
    call INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 1),
    at INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (call, attempt, position),
    FOREIGN KEY (call, attempt) REFERENCES attempt (call, number)
) STRICT, WITHOUT ROWID;

-- How the audio of an attempt fared. Known of few attempts, so no column.
CREATE TABLE audio (
    call INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    received INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    jitter_ms REAL NOT NULL,
    far_lost INTEGER NOT NULL,
    far_jitter_ms REAL NOT NULL,
    -- NULL = the other end reported nothing that tells.
    round_trip_ms REAL,
    PRIMARY KEY (call, attempt),
    FOREIGN KEY (call, attempt) REFERENCES attempt (call, number)
) STRICT, WITHOUT ROWID;

-- Who took an answered call, as far as could be heard. Known of few attempts, so no column.
CREATE TABLE identified (
    call INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    who TEXT NOT NULL
        CHECK (who IN ('voice', 'answeringmachine', 'fax', 'screening', 'unknown')),
    cause TEXT NOT NULL,
    PRIMARY KEY (call, attempt),
    FOREIGN KEY (call, attempt) REFERENCES attempt (call, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE ended (
    call INTEGER PRIMARY KEY REFERENCES call,
    state TEXT NOT NULL
        CHECK (state IN ('completed', 'canceled', 'exhausted', 'expired', 'rejected')),
    at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER ended_is_final BEFORE UPDATE ON ended BEGIN
    SELECT raise(ABORT, 'a call that has ended never changes');
END;

-- Why a call was rejected that was not to be dialled: rare, so no column of `ended`.
CREATE TABLE refusal (
    call INTEGER PRIMARY KEY REFERENCES ended,
    reason TEXT NOT NULL
) STRICT;

-- A call stands in one place only.
CREATE TRIGGER due_stands_alone BEFORE INSERT ON due
WHEN EXISTS (SELECT 1 FROM active WHERE call = new.call)
    OR EXISTS (SELECT 1 FROM ended WHERE call = new.call) BEGIN
    SELECT raise(ABORT, 'a call that is active or has ended does not wait');
END;

CREATE TRIGGER active_stands_alone BEFORE INSERT ON active
WHEN EXISTS (SELECT 1 FROM due WHERE call = new.call)
    OR EXISTS (SELECT 1 FROM ended WHERE call = new.call) BEGIN
    SELECT raise(ABORT, 'a call that waits or has ended is not active');
END;

CREATE TRIGGER ended_stands_alone BEFORE INSERT ON ended
WHEN EXISTS (SELECT 1 FROM active WHERE call = new.call)
    OR EXISTS (SELECT 1 FROM due WHERE call = new.call) BEGIN
    SELECT raise(ABORT, 'a call that waits or is active has not ended');
END;

-- Conversations that are over, by program and moment: call logs and reports page through
-- millions of attempts by this.
CREATE TABLE visit (
    program INTEGER NOT NULL REFERENCES program,
    -- When the callee answered.
    at INTEGER NOT NULL,
    call INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    -- Who queued the call.
    user INTEGER NOT NULL,
    -- 1: the callee went through the whole script.
    finished INTEGER NOT NULL CHECK (finished IN (0, 1)),
    PRIMARY KEY (program, at, call, attempt),
    FOREIGN KEY (call, attempt) REFERENCES attempt (call, number)
) STRICT, WITHOUT ROWID;

-- Calls that were queued to try again what an earlier call did not reach.
CREATE TABLE retried_call (
    call INTEGER PRIMARY KEY REFERENCES call,
    original INTEGER NOT NULL REFERENCES call
) STRICT;

CREATE INDEX retried_call_original ON retried_call (original);

-- What is owed to a result_url ----------------------------------------------------------

CREATE TABLE notice (
    id INTEGER PRIMARY KEY,
    -- Once a call, whatever happens.
    call INTEGER NOT NULL UNIQUE REFERENCES call,
    url TEXT NOT NULL,
    webhook_id TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    due_at INTEGER,
    tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    -- Who is sending it at this moment.
    owner TEXT, host TEXT NOT NULL DEFAULT '',
    over_at INTEGER CHECK (over_at IS NULL OR state <> 'pending'),
    replayed_after INTEGER NOT NULL DEFAULT 0, lasts_until INTEGER NOT NULL DEFAULT 0,
    CHECK ((state = 'pending') = (due_at IS NOT NULL)),
    CHECK (owner IS NULL OR state = 'pending')
) STRICT;
-- host: whom it is for, as `name:port`; what shares it shares its slots and its rest.
-- over_at: when it was delivered or given up.
-- replayed_after: how many tries had been made when somebody asked to send it anew.
-- lasts_until: until when its tries take at the longest, were none delayed by its host's rest.

CREATE INDEX notice_claimed ON notice (owner) WHERE owner IS NOT NULL;
CREATE INDEX notice_waiting ON notice (host, due_at) WHERE state = 'pending' AND owner IS NULL;
CREATE INDEX notice_dead ON notice (over_at) WHERE state = 'dead';
CREATE INDEX notice_delivered ON notice (over_at) WHERE state = 'delivered';

-- The hosts that notices wait for, so that claiming need not look at each notice.
CREATE TABLE notice_host (
    host TEXT PRIMARY KEY,
    -- No later than when the earliest of its notices that nobody holds is due; NULL = none.
    next_at INTEGER,
    -- Until when it is left alone because it failed, and since when it fails; 0 = it is not.
    rests_until INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER NOT NULL DEFAULT 0,
    -- When to claim for it.
    look_at INTEGER GENERATED ALWAYS AS (max(next_at, rests_until)) STORED
) STRICT, WITHOUT ROWID;

CREATE INDEX notice_host_look ON notice_host (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX notice_host_failing ON notice_host (failing_since) WHERE failing_since > 0;

CREATE TRIGGER notice_waits_again AFTER UPDATE OF state, due_at, owner ON notice
WHEN new.state = 'pending' AND new.owner IS NULL BEGIN
    INSERT INTO notice_host (host, next_at) VALUES (new.host, new.due_at)
        ON CONFLICT DO UPDATE SET next_at = new.due_at
        WHERE next_at IS NULL OR next_at > new.due_at;
END;

CREATE TABLE notice_try (
    notice INTEGER NOT NULL REFERENCES notice,
    number INTEGER NOT NULL CHECK (number >= 1),
    at INTEGER NOT NULL,
    -- HTTP status; NULL = no answer came.
    status INTEGER,
    problem TEXT NOT NULL,
    took_ms INTEGER NOT NULL, address TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (notice, number)
) STRICT, WITHOUT ROWID;
-- address: where it went; empty = no connection was begun.

-- What was sent and answered in a try. The body that was sent is the notice's.
CREATE TABLE notice_exchange (
    notice INTEGER NOT NULL,
    number INTEGER NOT NULL,
    request_head BLOB NOT NULL,
    -- The first bytes of what came back, its head included, and how many came in all.
    answer BLOB NOT NULL,
    answer_size INTEGER NOT NULL,
    PRIMARY KEY (notice, number),
    FOREIGN KEY (notice, number) REFERENCES notice_try (notice, number)
) STRICT, WITHOUT ROWID;
