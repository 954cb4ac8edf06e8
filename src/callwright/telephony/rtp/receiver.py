"""Whose packets are heard, and how many were lost on the way.

Pure: packets and addresses in, verdicts and counts out. Opening them and acting on them is
`session.py`'s.

Source: RFC 3550 appendix A.1 and A.3 (loss by sequence number).
"""

Address = tuple[str, int]

_MAX_JUMP = 3000
_STRANGER_PACKETS = 3


class SourceLatch:
    """Settles once on the address the peer really sends from.

    The address of the session description is believed at its first packet. Any other (a
    peer behind a translator) must send a few packets in a row with one SSRC, so that a
    scanner touching every port with one packet does not capture the call. Once settled,
    everyone else is silence.
    """

    def __init__(self, stated: Address) -> None:
        self.address = stated
        self._stated = stated
        self._settled = False
        self._stranger: tuple[Address, int] | None = None
        self._stranger_count = 0

    @property
    def is_settled(self) -> bool:
        """Whether the peer has been heard."""
        return self._settled

    def admits(self, source: Address, ssrc: int) -> bool:
        """Whether a packet from here belongs to the call; may settle `address`."""
        if self._settled:
            return source == self.address
        if source == self._stated:
            self._settled = True
            return True
        if (source, ssrc) != self._stranger:
            self._stranger = (source, ssrc)
            self._stranger_count = 0
        self._stranger_count += 1
        if self._stranger_count < _STRANGER_PACKETS:
            return False
        self._settled = True
        self.address = source
        return True


class LossCount:
    """Counts what came and what, by the sequence numbers, should have come."""

    def __init__(self) -> None:
        self.received = 0
        self._expected_before = 0
        self._ssrc: int | None = None
        self._first = 0
        self._highest = 0

    def note(self, sequence: int, ssrc: int) -> None:
        """One packet came."""
        self.received += 1
        if ssrc != self._ssrc:
            self._begin(sequence, ssrc)
            return
        ahead = (sequence - self._highest) & 0xFFFF
        if ahead < _MAX_JUMP:
            self._highest += ahead
        elif ahead <= 0x10000 - _MAX_JUMP:
            # Too far to be loss or reordering: the sender started its count again.
            self._begin(sequence, ssrc)

    @property
    def lost(self) -> int:
        """Packets that never came; duplicates may hide some, so never negative."""
        return max(0, self._expected() - self.received)

    def _begin(self, sequence: int, ssrc: int) -> None:
        self._expected_before = self._expected()
        self._ssrc = ssrc
        self._first = self._highest = sequence

    def _expected(self) -> int:
        current = 0 if self._ssrc is None else self._highest - self._first + 1
        return self._expected_before + current
