"""The recordings of past calls, where a line made them.

A recording is the call itself: whoever may see the call may hear it.
"""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt's audio: WAV, 8 kHz µ-law, the callee left and we right."""

    sip_call_id: str
    path: Path
    bytes: int
    duration_s: float
    ended_at: datetime


class Recordings(Protocol):
    """What was kept. Reads files: not for the event loop's thread."""

    def of(self, sip_call_ids: Collection[str]) -> list[Recording]:
        """Those of the attempts with these SIP Call-IDs that are over and still kept."""
        ...


class _NothingRecorded:
    def of(self, sip_call_ids: Collection[str]) -> list[Recording]:
        return []


NOTHING_RECORDED: Recordings = _NothingRecorded()
"""Where no line records."""
