"""Received audio put back in order: what listeners hear, without holes and at our own pace.

Packets go in as they come, 20 ms frames of µ-law come out, one after the other: reordered
ones sorted, missing ones replaced by silence, late ones dropped. A frame comes out as soon
as everything before it is there, so nothing is delayed unless something is missing. Pure:
time is the caller's, in samples.

Source: RFC 3550 section 5.1 (timestamps count samples); RFC 3551 section 4.1 (a sender that
suppresses silence leaves holes).
"""

from callwright.telephony.rtp.g711 import FRAME_SAMPLES, SAMPLE_RATE, SILENCE

HOLD = SAMPLE_RATE // 10
"""How long a hole is left open for a straggler, by the clock."""
_REORDER = 3 * FRAME_SAMPLES
"""A hole with this much audio after it is a loss."""
_AHEAD = SAMPLE_RATE // 5
"""A sender whose clock runs faster than ours by this much loses a packet."""
_JUMP = 2 * SAMPLE_RATE
"""A step of the timestamp beyond this is a new beginning."""
_LATE_IN_A_ROW = 5
"""So many late packets, and it is the road that got longer."""
_MOST_WAITING = 64
_SILENCE = SILENCE["PCMU"]


class JitterBuffer:
    """`put` each packet; `take` frames once in 20 ms."""

    def __init__(self) -> None:
        self.late = 0
        """Packets that came after their time and were dropped."""
        self.concealed = 0
        """Frames of silence in place of packets that did not come in time."""
        self._waiting: dict[int, bytes] = {}
        self._next = 0
        self._clock = 0
        self._carry = b""
        self._ssrc = -1
        self._anchor = (0, 0)
        """A timestamp and the sample it stands for."""
        self._late_in_a_row = 0

    def put(self, timestamp: int, ssrc: int, codes: bytes) -> None:
        """One packet's µ-law codes, of any length."""
        step = (timestamp - self._anchor[0] + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        at = self._anchor[1] + step
        now = max(self._next, self._clock)
        if ssrc != self._ssrc or not -_JUMP < step < _JUMP:
            self._ssrc = ssrc
            at = now
        elif at + len(codes) <= self._next:
            if self._late_in_a_row < _LATE_IN_A_ROW:
                self._late_in_a_row += 1
                self.late += 1
                return
            at = now
        elif at > self._clock + _AHEAD:
            at = now
        self._late_in_a_row = 0
        if at > self._clock + _AHEAD or len(self._waiting) >= _MOST_WAITING:
            self._anchor = (timestamp, at - len(codes))
            return
        self._anchor = (timestamp, at)
        self._waiting[at] = codes

    def take(self, clock: int) -> list[bytes]:
        """The frames that can be heard by now, each of 160 codes.

        `clock` counts samples since the beginning and never goes back. All frames taken so
        far are never more than 100 ms behind it.
        """
        self._clock = clock
        frames: list[bytes] = []
        while True:
            codes = self._waiting.pop(self._next, None)
            if codes is None:
                codes = self._filling()
                if not codes:
                    return frames
            self._next += len(codes)
            if len(codes) == FRAME_SAMPLES and not self._carry:
                frames.append(codes)
                continue
            codes = self._carry + codes
            whole = len(codes) - len(codes) % FRAME_SAMPLES
            frames += [codes[at : at + FRAME_SAMPLES] for at in range(0, whole, FRAME_SAMPLES)]
            self._carry = codes[whole:]

    def _filling(self) -> bytes:
        """What goes where nothing is: audio that overlaps, silence, or still nothing."""
        overdue = self._clock - HOLD - self._next
        if not self._waiting:
            if overdue <= 0:
                return b""
            missing = FRAME_SAMPLES
        else:
            first = min(self._waiting)
            missing = first - self._next
            if missing < 0:
                codes = self._waiting.pop(first)[-missing:]
                return codes or self._filling()
            if overdue <= 0 and max(self._waiting) - self._next < _REORDER:
                return b""
            missing = min(missing, FRAME_SAMPLES)
        self.concealed += 1
        return _SILENCE[:missing]
