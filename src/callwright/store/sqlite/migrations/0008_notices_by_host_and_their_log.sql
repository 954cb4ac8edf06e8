-- Notices wait by host, each try is kept with what was sent and answered, and what is over
-- goes after a while.

-- host: whom it is for, as `name:port`; what shares it shares its slots and its rest.
ALTER TABLE notice ADD COLUMN host TEXT NOT NULL DEFAULT '';
-- over_at: when it was delivered or given up.
ALTER TABLE notice ADD COLUMN over_at INTEGER CHECK (over_at IS NULL OR state <> 'pending');
-- replayed_after: how many tries had been made when somebody asked to send it anew.
ALTER TABLE notice ADD COLUMN replayed_after INTEGER NOT NULL DEFAULT 0;
-- lasts_until: until when its tries take at the longest, were none delayed by its host's rest.
ALTER TABLE notice ADD COLUMN lasts_until INTEGER NOT NULL DEFAULT 0;

DROP INDEX notice_due;
DROP INDEX notice_dead;

-- Not as exact as the program is: a host that is cut out wrongly only stands for itself.
UPDATE notice SET host = (
    WITH rest (text) AS (SELECT lower(substr(notice.url, instr(notice.url, '://') + 3) || '/')),
         authority (text) AS (SELECT substr(text, 1, instr(text, '/') - 1) FROM rest),
         place (text) AS (SELECT substr(text, instr(text, '@') + 1) FROM authority)
    SELECT CASE WHEN text GLOB '*:[0-9]*' THEN text
                WHEN notice.url LIKE 'https:%' THEN text || ':443'
                ELSE text || ':80' END
      FROM place);

UPDATE notice SET over_at = coalesce(
        (SELECT max(t.at + 1000 * t.took_ms) FROM notice_try t WHERE t.notice = notice.id),
        (SELECT e.at FROM ended e WHERE e.call = notice.call), 0)
 WHERE state <> 'pending';

-- 85 hours.
UPDATE notice SET lasts_until = due_at + 306000000000 WHERE state = 'pending';

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

INSERT INTO notice_host (host, next_at)
SELECT host, min(due_at) FROM notice WHERE state = 'pending' AND owner IS NULL GROUP BY host;

CREATE TRIGGER notice_waits AFTER INSERT ON notice
WHEN new.state = 'pending' AND new.owner IS NULL BEGIN
    INSERT INTO notice_host (host, next_at) VALUES (new.host, new.due_at)
        ON CONFLICT DO UPDATE SET next_at = new.due_at
        WHERE next_at IS NULL OR next_at > new.due_at;
END;

CREATE TRIGGER notice_waits_again AFTER UPDATE OF state, due_at, owner ON notice
WHEN new.state = 'pending' AND new.owner IS NULL BEGIN
    INSERT INTO notice_host (host, next_at) VALUES (new.host, new.due_at)
        ON CONFLICT DO UPDATE SET next_at = new.due_at
        WHERE next_at IS NULL OR next_at > new.due_at;
END;

-- Where a try went; empty = no connection was begun.
ALTER TABLE notice_try ADD COLUMN address TEXT NOT NULL DEFAULT '';

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
