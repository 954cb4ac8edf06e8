"""Whose packets are heard, how many were lost on the way, and how evenly they came.

Pure: packets and addresses in, verdicts and counts out. Opening them and acting on them is
`session.py`'s.

Source: RFC 3550 appendix A.1 and A.3 (loss by sequence number), A.8 (jitter).
"""

from callwright.telephony.rtp.g711 import SAMPLE_RATE

Address = tuple[str, int]

_MAX_JUMP = 3000
_STRANGER_PACKETS = 3
_CLOCK_STEP = 2 * SAMPLE_RATE
"""A change of the way's length beyond this is somebody's clock, not the network."""


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


class Reception:
    """Counts what came and what, by the sequence numbers, should have come; and how evenly."""

    def __init__(self) -> None:
        self.received = 0
        self.ssrc: int | None = None
        self.jitter = 0.0
        """Of the times between packets, in samples: RFC 3550 section 6.4.1."""
        self._expected_before = 0
        self._first = 0
        self._highest = 0
        self._transit = 0.0

    def note(self, sequence: int, ssrc: int) -> None:
        """One packet came."""
        self.received += 1
        if ssrc != self.ssrc:
            self._begin(sequence, ssrc)
            return
        ahead = (sequence - self._highest) & 0xFFFF
        if ahead < _MAX_JUMP:
            self._highest += ahead
        elif ahead <= 0x10000 - _MAX_JUMP:
            # Too far to be loss or reordering: the sender started its count again.
            self._begin(sequence, ssrc)

    def note_time(self, timestamp: int, at: float) -> None:
        """It came at `at` (seconds). Not every packet's time need be known."""
        transit = at * SAMPLE_RATE - timestamp
        change = abs(transit - self._transit)
        if change < _CLOCK_STEP:
            self.jitter += (change - self.jitter) / 16
        self._transit = transit

    @property
    def lost(self) -> int:
        """Packets that never came; duplicates may hide some, so never negative."""
        return max(0, self.expected - self.received)

    @property
    def expected(self) -> int:
        """How many packets the sender has sent, by its numbers."""
        current = 0 if self.ssrc is None else self._highest - self._first + 1
        return self._expected_before + current

    @property
    def highest(self) -> int:
        """The highest sequence number, with the times it wrapped above its 16 bits."""
        return self._highest & 0xFFFFFFFF

    def _begin(self, sequence: int, ssrc: int) -> None:
        self._expected_before = self.expected
        self.ssrc = ssrc
        self._first = self._highest = sequence
