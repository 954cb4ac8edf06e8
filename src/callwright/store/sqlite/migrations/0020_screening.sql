-- A call screening service may have taken a call, beside people, machines and faxes.

ALTER TABLE identified RENAME TO identified_before;
CREATE TABLE identified (
    call INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    who TEXT NOT NULL
        CHECK (who IN ('voice', 'answeringmachine', 'fax', 'screening', 'unknown')),
    cause TEXT NOT NULL,
    PRIMARY KEY (call, attempt),
    FOREIGN KEY (call, attempt) REFERENCES attempt (call, number)
) STRICT, WITHOUT ROWID;
INSERT INTO identified (call, attempt, who, cause)
SELECT call, attempt, who, cause FROM identified_before;
DROP TABLE identified_before;
