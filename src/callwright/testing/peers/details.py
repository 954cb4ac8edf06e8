"""What the contract says `call_details` must be, byte by byte, written down a second time.

Made from literal templates and not from the product's own encoder, so that a test can
compare the two. Times are taken from the reply and are checked against other clocks by
whoever asks.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A call that is over, as its owner would describe it."""

    number: str
    """As it was sent."""
    status: str
    events: Sequence[str]
    attempts: int = 1
    max_attempts: int = 1
    wait: str = ""
    """`reattempt_wait` as it was sent; "" = it was not."""
    start: str = ""
    """`start_timestamp` as it was sent."""
    end: str = ""


def fuse_bytes(expected: Expected, seen: Mapping[str, object]) -> bytes:
    """The value of `call_details` in Fuse, with the times of `seen`."""
    times = _times(seen)
    named = dict(zip(expected.events, times, strict=True))
    start = expected.start or _text(named.get("connected"))
    end = expected.end or _text(named.get("disconnected"))
    duration = 0
    if "connected" in named and "disconnected" in named:
        duration = named["disconnected"] - named["connected"]
    events = ",".join(
        f'{{"event":"{event}","timestamp":{at}}}'
        for event, at in zip(expected.events, times, strict=True)
    )
    return (
        f'{{"max_attempts":"{expected.max_attempts}","attempts":"{expected.attempts}",'
        f'"events":[{events}],"phone_number":"{expected.number}","status":"{expected.status}",'
        f'"queued_timestamp":"{times[0]}","start_timestamp":"{start}","end_timestamp":"{end}",'
        f'"reattempt_wait":"{expected.wait or 300}","duration":{duration}}}'
    ).encode("ascii")


def insight_bytes(expected: Expected, seen: Mapping[str, object]) -> bytes:
    """The value of `call_details` in Insight, with the times of `seen`."""
    times = _times(seen)
    events = ",".join(
        f'{{"event":"{event}","timestamp":"{at}"}}'
        for event, at in zip(expected.events, times, strict=True)
    )
    return (
        f'{{"status":"{expected.status}","attempts":"{expected.attempts}",'
        f'"max_attempts":"{expected.max_attempts}","queued_timestamp":"{times[0]}",'
        f'"last_attempt_timestamp":"{times[-1]}","start_timestamp":"{expected.start}",'
        f'"end_timestamp":"{expected.end}","reattempt_wait":"{expected.wait or 0}",'
        f'"events":[{events}]}}'
    ).encode("ascii")


def event_times(body: bytes) -> list[tuple[str, int]]:
    """(event, Unix seconds) of a `call_details` value in either dialect."""
    events = json.loads(body)["events"]
    return [(event["event"], int(event["timestamp"])) for event in events]


def _times(seen: Mapping[str, object]) -> list[int]:
    events = seen["events"]
    assert isinstance(events, list)
    return [int(event["timestamp"]) for event in events]


def _text(at: int | None) -> str:
    return "" if at is None else str(at)
