-- Who took an answered call, as far as could be heard. Known of few attempts, so no column.

CREATE TABLE identified (
    call INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    who TEXT NOT NULL CHECK (who IN ('voice', 'answeringmachine', 'fax', 'unknown')),
    cause TEXT NOT NULL,
    PRIMARY KEY (call, attempt),
    FOREIGN KEY (call, attempt) REFERENCES attempt (call, number)
) STRICT, WITHOUT ROWID;
