"""The real server without a network, in skipped time: for proofs and for rehearsals."""
