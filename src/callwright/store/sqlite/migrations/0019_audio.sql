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
