"""How often sign-ins may fail: ten times a minute for one address from one source.

Who failed too often is asked to wait, from that source only, so that nobody can lock
somebody else out. Failures are kept exactly, for as long as they count, and for a bounded
number of names: of a flood from everywhere the oldest are forgotten.

Pure: callers pass monotonic seconds.
"""

from array import array
from collections import OrderedDict

SPAN_S = 60.0
FAILURES_PER_NAME = 10
"""Within the span, for one e-mail address from one source."""

FAILURES_PER_SOURCE = 100
KEPT = 10_000
"""Names, and sources, of which failures are remembered."""


class Failures:
    """When each key failed lately; at most `limit` times in any `SPAN_S` seconds."""

    def __init__(self, limit: int, kept: int = KEPT) -> None:
        self._limit = limit
        self._kept = kept
        self._moments: OrderedDict[bytes, array[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._moments)

    def wait_s(self, key: bytes, now: float) -> float:
        """Seconds until `key` may try again; 0 = now."""
        moments = self._moments.get(key)
        if moments is None or len(moments) < self._limit:
            return 0.0
        # The first of the last `limit` failures is the next one to be forgotten.
        return max(0.0, moments[-self._limit] + SPAN_S - now)

    def note(self, key: bytes, now: float) -> None:
        """`key` failed."""
        moments = self._moments.setdefault(key, array("d"))
        self._moments.move_to_end(key)
        moments.append(now)
        while moments[0] <= now - SPAN_S or len(moments) > self._limit:
            del moments[0]
        if len(self._moments) > self._kept:
            self._moments.popitem(last=False)


class SignInThrottle:
    """Failures by name and source, and by source alone."""

    def __init__(self) -> None:
        self._by_name = Failures(FAILURES_PER_NAME)
        self._by_source = Failures(FAILURES_PER_SOURCE)

    def wait_s(self, name: bytes, source: bytes, now: float, *, shared: bool) -> float:
        """Seconds until `name` may be tried again from `source`; 0 = now.

        A `shared` source stands for many people (a proxy), whom one of them must not lock out.
        """
        wait_s = self._by_name.wait_s(name + source, now)
        return wait_s if shared else max(wait_s, self._by_source.wait_s(source, now))

    def note_failure(self, name: bytes, source: bytes, now: float) -> None:
        self._by_name.note(name + source, now)
        self._by_source.note(source, now)
