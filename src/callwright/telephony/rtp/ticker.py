"""The beat of the media plane: every member once in 20 ms, in four phases of 5 ms.

Phases spread the work, so that a thousand calls do not all send in the same instant. A
late beat is made up for at once; after a long stall whole cycles are skipped, and the
members see it in the cycle number. Stands still while nobody needs it.
"""

import asyncio
import logging
from array import array
from typing import NamedTuple, Protocol

log = logging.getLogger(__name__)

PHASES = 4
BEAT_S = 0.005
_MAX_CATCH_UP_BEATS = 20
_LAGS_KEPT = 4096
_EARLY_S = 1e-4
"""Loops round their timers; a beat this much before its time is on time."""


class Member(Protocol):
    """Something that acts once in 20 ms."""

    def tick(self, cycle: int) -> None:
        """`cycle` grows by one each 20 ms, by more after a stall."""
        ...


class BeatStats(NamedTuple):
    """How punctual the last 20 s or so were."""

    beats: int
    skipped: int
    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float


class Ticker:
    """Beats on the loop it is first used in."""

    def __init__(self) -> None:
        self._phases: list[dict[Member, None]] = [{} for _ in range(PHASES)]
        self._phase_of: dict[Member, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._beat = 0
        self._lags = array("d")
        self._beats = 0
        self._skipped = 0

    def join(self, member: Member) -> None:
        """From the next beat of the emptiest phase on, `member` is ticked."""
        if member in self._phase_of:
            return
        sizes = list(map(len, self._phases))
        phase = sizes.index(min(sizes))
        self._phases[phase][member] = None
        self._phase_of[member] = phase
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._beat = int(self._loop.time() / BEAT_S) + 1
            self._timer = self._loop.call_at(self._beat * BEAT_S, self._run)

    def leave(self, member: Member) -> None:
        """No tick after this one. Leaving twice is fine."""
        phase = self._phase_of.pop(member, None)
        if phase is not None:
            del self._phases[phase][member]
        if not self._phase_of and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def stats(self) -> BeatStats:
        """Lag is how late a beat began by the loop's clock (whole milliseconds on uvloop)."""
        lags = sorted(self._lags)
        if not lags:
            return BeatStats(0, 0, 0.0, 0.0, 0.0)
        p50 = lags[len(lags) // 2]
        p99 = lags[min(len(lags) - 1, len(lags) * 99 // 100)]
        return BeatStats(self._beats, self._skipped, p50 * 1e3, p99 * 1e3, lags[-1] * 1e3)

    def _run(self) -> None:
        assert self._loop is not None
        loop = self._loop
        self._timer = None
        behind = int(loop.time() / BEAT_S) - self._beat
        if behind > _MAX_CATCH_UP_BEATS:
            skipped = behind - behind % PHASES
            self._beat += skipped
            self._skipped += skipped
        # One cycle at most: a machine too slow for its calls must still get to hang some up.
        for _ in range(PHASES):
            lag = loop.time() - self._beat * BEAT_S
            if lag < -_EARLY_S:
                break
            self._note_lag(max(lag, 0.0))
            self._beat_once(self._beat)
            self._beat += 1
            if not self._phase_of:
                return
        self._timer = loop.call_at(self._beat * BEAT_S, self._run)

    def _beat_once(self, beat: int) -> None:
        cycle, phase = divmod(beat, PHASES)
        members = self._phases[phase]
        for member in tuple(members):
            if member not in members:
                continue  # left while this beat was running
            try:
                member.tick(cycle)
            except Exception:
                # One call's fault must not silence all the others.
                log.exception("media tick failed", extra={"member": str(member)})

    def _note_lag(self, lag: float) -> None:
        if len(self._lags) < _LAGS_KEPT:
            self._lags.append(lag)
        else:
            self._lags[self._beats % _LAGS_KEPT] = lag
        self._beats += 1
