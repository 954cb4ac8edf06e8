-- What a deployment says of retries beyond the two fields of a request.

-- A JSON object: waits, waits_after, never_after; microseconds. NULL = nothing.
ALTER TABLE deployment ADD COLUMN retry_rules TEXT;
