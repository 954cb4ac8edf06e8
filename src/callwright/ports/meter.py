"""What the moving parts tell of what they do, so that somebody can count it.

Telling is cheap, never fails and never blocks: the parts do it in the midst of their work.
`SILENT` is for whoever does not count: tests, admin commands.
"""

from typing import Protocol

import msgspec

from callwright.domain.answered_by import AnsweredBy
from callwright.domain.lifecycle import CallState
from callwright.domain.notice import NoticeState
from callwright.domain.outcome import Outcome


class LegMeasures(msgspec.Struct, frozen=True, kw_only=True):
    """What a leg that was sent is counted by, beside its outcome."""

    post_dial_s: float | None
    """From the INVITE to the first ringing, or to the answer; None: neither came."""
    talk_s: float | None
    """From the answer to the end; None: not answered."""
    received_packets: int
    lost_packets: int
    far_lost_packets: int = 0
    """Of ours, by the peer's reports."""
    jitter_ms: float | None = None
    """None: no audio came."""
    round_trip_ms: float | None = None
    """None: the peer reported nothing that tells."""


class Meter(Protocol):
    """Counts. Every method may be called from any thread."""

    def attempt_started(self, trunk: str) -> None:
        """An attempt is on disk and was handed to a line."""
        ...

    def attempt_ended(self, trunk: str, outcome: Outcome) -> None: ...

    def leg_measured(self, trunk: str, measures: LegMeasures) -> None:
        """A line told of the end of a leg whose INVITE had left."""
        ...

    def identified(self, trunk: str, who: AnsweredBy) -> None:
        """It became known who answered an attempt, or that it cannot be told."""
        ...

    def call_ended(self, state: CallState) -> None:
        """`state` is final."""
        ...

    def notice_tried(self, state: NoticeState) -> None:
        """A try ended, and this is where its notice stands now (PENDING: it failed)."""
        ...

    def hosts_in_trouble(self, count: int) -> None:
        """So many hosts of result URLs failed several times in a row and are only probed."""
        ...

    def group_committed(self, works: int, seconds: float) -> None:
        """The store made `works` pieces of work durable in one commit, `seconds` after it
        began on the first of them."""
        ...


class _Silent:
    def attempt_started(self, trunk: str) -> None:
        pass

    def attempt_ended(self, trunk: str, outcome: Outcome) -> None:
        pass

    def leg_measured(self, trunk: str, measures: LegMeasures) -> None:
        pass

    def identified(self, trunk: str, who: AnsweredBy) -> None:
        pass

    def call_ended(self, state: CallState) -> None:
        pass

    def notice_tried(self, state: NoticeState) -> None:
        pass

    def hosts_in_trouble(self, count: int) -> None:
        pass

    def group_committed(self, works: int, seconds: float) -> None:
        pass


SILENT: Meter = _Silent()
