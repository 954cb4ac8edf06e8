"""Keys on the wire: a plan for sending them, and hearing each received one once.

Both halves are pure: the plan is a list with one entry for each 20 ms, the hearing takes
packets in the order they came. Detecting keys inside the audio is a later step.

Source: RFC 4733 sections 2.5.1 (sending) and 2.5.2 (receiving); ITU-T Q.23 for the tones.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from callwright.telephony.rtp.g711 import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Codec, encode
from callwright.telephony.rtp.packet import EVENT_DIGITS, TelephoneEvent

_TONE_TICKS = 5
_GAP_TICKS = 5
_PAUSE_TICKS = 50
_END_REPEATS = 2
_PAUSES = ",pP"

ROWS = (697, 770, 852, 941)
COLUMNS = (1209, 1336, 1477, 1633)
KEYPAD = "123A456B789C*0#D"
_TONE_LEVEL = 5500
"""Peak of each of the two tones: about -7 dBm0 for the pair, the usual level of a telephone."""

_STRAGGLER_SAMPLES = 5 * SAMPLE_RATE
"""A report this far behind the last key is late; further behind, the peer's clock jumped."""


class EventSlot(NamedTuple):
    """Send a telephone event in this 20 ms. The first of a key carries the marker."""

    event: int
    first: bool
    end: bool
    duration: int


Slot = EventSlot | bytes
"""What one 20 ms holds: an event, or a frame of audio."""


def plan_digits(digits: str, codec: Codec, *, as_events: bool) -> list[Slot]:
    """One slot for each 20 ms: 100 ms a key, 100 ms between keys, a second for `,` and `p`.

    Without `as_events` (the peer offered no telephone-event) the keys are audible tones.

    Raises:
        ValueError: a character is no key and no pause.
    """
    silence = SILENCE[codec]
    slots: list[Slot] = []
    for digit in digits:
        if digit in _PAUSES:
            slots += [silence] * _PAUSE_TICKS
            continue
        event = EVENT_DIGITS.find(digit.upper())
        if event < 0:
            raise ValueError(f"not a telephone key: {digit!r}")
        if as_events:
            slots += _event_slots(event)
            # The repeated end reports already lie inside the gap.
            slots += [silence] * (_GAP_TICKS - _END_REPEATS)
        else:
            slots += tone_frames(digit.upper(), codec)
            slots += [silence] * _GAP_TICKS
    return slots


def _event_slots(event: int) -> list[EventSlot]:
    slots = [
        EventSlot(event, tick == 1, tick == _TONE_TICKS, tick * FRAME_SAMPLES)
        for tick in range(1, _TONE_TICKS + 1)
    ]
    return slots + [slots[-1]] * _END_REPEATS


@lru_cache(maxsize=64)
def tone_frames(digit: str, codec: Codec) -> tuple[bytes, ...]:
    """100 ms of the two tones of a key, in frames."""
    row, column = divmod(KEYPAD.index(digit), 4)
    at = np.arange(_TONE_TICKS * FRAME_SAMPLES) * (2 * np.pi / SAMPLE_RATE)
    wave = _TONE_LEVEL * (np.sin(at * ROWS[row]) + np.sin(at * COLUMNS[column]))
    codes = encode(wave.astype(np.int16), codec)
    return tuple(
        codes[start : start + FRAME_SAMPLES] for start in range(0, len(codes), FRAME_SAMPLES)
    )


class DigitHearing:
    """Turns the many reports on each key into one digit, at the first report.

    At the first and not at the last, so that a key interrupts a prompt while the finger is
    still down, and so that losing the end reports loses no key. One instance a sender
    (SSRC): timestamps of two senders cannot be compared.
    """

    def __init__(self) -> None:
        self._timestamp: int | None = None
        self._event = -1
        self._reach = 0
        self._ended = True

    def hear(self, report: TelephoneEvent, timestamp: int, marker: bool) -> str | None:
        """The digit if this report is the first on its key, else None."""
        if report.event >= len(EVENT_DIGITS):
            return None
        if self._timestamp is not None:
            ahead = (timestamp - self._timestamp) & 0xFFFFFFFF
            if ahead == 0:
                self._note(report)
                return None
            if ahead > 0x100000000 - _STRAGGLER_SAMPLES:
                return None
            # A key held for longer than one report can say goes on in a further segment
            # (section 2.5.1.3); some gateways also move the timestamp with each report.
            goes_on = not self._ended and not marker and report.event == self._event
            if goes_on and ahead <= self._reach:
                self._timestamp = timestamp
                self._note(report)
                return None
        self._timestamp = timestamp
        self._event = report.event
        self._ended = False
        self._note(report)
        return EVENT_DIGITS[report.event]

    def _note(self, report: TelephoneEvent) -> None:
        self._reach = report.duration
        self._ended = self._ended or report.end
