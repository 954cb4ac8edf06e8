-- What trunks may do, where it was changed while the server ran.

CREATE TABLE trunk_limit (
    -- As the settings call it.
    trunk TEXT PRIMARY KEY,
    -- NULL = as the settings say.
    calls_per_second REAL CHECK (calls_per_second > 0),
    max_calls INTEGER CHECK (max_calls >= 1),
    CHECK (calls_per_second IS NOT NULL OR max_calls IS NOT NULL)
) STRICT, WITHOUT ROWID;
