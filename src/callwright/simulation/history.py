"""What happened in a simulated world, in order: as one hash, as counts, and if asked in words."""

import hashlib
from collections import Counter


class History:
    """Every event is added once, with the true second at which it happened."""

    def __init__(self, *, keeps_lines: bool = False) -> None:
        self.counts: Counter[str] = Counter()
        self.lines: list[str] = []
        """One an event, if they are kept: two histories can then be compared."""
        self._keeps_lines = keeps_lines
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, at: float, what: str, *facts: object) -> None:
        line = f"{at:.6f} {what} {' '.join(map(str, facts))}"
        self.counts[what] += 1
        self._hash.update(line.encode() + b"\n")
        if self._keeps_lines:
            self.lines.append(line)

    @property
    def digest(self) -> str:
        """The same for the same events in the same order."""
        return self._hash.hexdigest()
