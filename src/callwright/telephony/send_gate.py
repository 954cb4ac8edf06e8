"""The last word on calls a second: when INVITEs leave, not when they were ordered.

The brain paces what it orders. Between it and the wire lie a pipe and a process that may not
be given the processor for a moment; what has gathered then must not leave all at once.
"""

import math
from collections import deque


class SendGate:
    """At most so many INVITEs of one trunk in any second. Seconds are the loop's."""

    def __init__(self, calls_per_second: float) -> None:
        """0 = as many as are ordered."""
        self._sent: deque[float] = deque(maxlen=math.ceil(calls_per_second))

    def wait_s(self, now: float) -> float:
        """How long until another may leave."""
        sent = self._sent
        if not sent.maxlen or len(sent) < sent.maxlen:
            return 0.0
        return max(0.0, sent[0] + 1.0 - now)

    def sent(self, now: float) -> None:
        """One leaves now."""
        self._sent.append(now)
