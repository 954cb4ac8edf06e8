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
