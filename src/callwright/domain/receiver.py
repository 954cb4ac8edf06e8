"""How a host that notices go to is treated, by how it answers.

A host begins with one try at a time and may have one more for each answer; one that stops
answering has fewer, and after a few such tries is left alone for a while. Then one try goes
out as a probe: an answer opens the way again, silence closes it for twice as long. Waiting
for a host only delays a notice: its schedule (`domain.notice`) decides when it is over.

Pure: callers pass `now` and a random number.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from callwright.domain.notice import Delivery, Problem

SLOTS = 256
"""Tries under way at once, to all hosts together."""

MOST_A_HOST = SLOTS // 4
MOST_UNPROVEN = SLOTS // 2
"""Tries at once to all hosts together that did not answer last: the rest is kept for those
that did, however many others hang."""

FIRST_REST = timedelta(seconds=5)
LONGEST_REST = timedelta(seconds=60)
JITTER = 0.1

_TOO_MUCH = 12
_SILENCE = 4
_BAD_STATUS = 1
_LONGEST = 4
"""Rests after which a further one is as long as it gets."""
_TELL_NOTHING = frozenset({Problem.BAD_URL, Problem.BLOCKED_ADDRESS, Problem.INTERNAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of a host."""

    at_once: int = 1
    """Tries that it may have under way."""
    is_proven: bool = False
    """Its last try was answered as by a host in order."""
    strain: int = 0
    """How much failed since the last good answer."""
    failing_since: datetime | None = None
    rests: int = 0
    """How often it was left alone since the last good answer."""
    rested_at: datetime | None = None
    """When that was decided last."""
    rests_until: datetime | None = None


def after_try(
    standing: Standing, delivery: Delivery, *, began_at: datetime, now: datetime, jitter: float
) -> Standing:
    """What is known of a host after a try that ended `now`.

    Three tries in a row without an answer, or twelve answered 5xx or 429, are too much.
    Other answers, good or bad, come from a host in order. `jitter` is a random number in
    [-1, 1] that moves a rest by up to 10 %.
    """
    if delivery.problem in _TELL_NOTHING:
        return standing
    if _is_in_order(delivery.status):
        return Standing(at_once=min(standing.at_once + 1, MOST_A_HOST), is_proven=True)
    if standing.rested_at is not None and began_at < standing.rested_at:
        # It began before the host was left alone, and says nothing new.
        return standing
    is_slowed = delivery.status is None or delivery.status == 429
    failed = replace(
        standing,
        is_proven=False,
        strain=standing.strain + (_SILENCE if delivery.status is None else _BAD_STATUS),
        failing_since=standing.failing_since or now,
        at_once=max(1, standing.at_once // 2) if is_slowed else standing.at_once,
    )
    if failed.strain < _TOO_MUCH:
        # Single bad answers of a busy host must not cost it its place among the proven.
        return replace(failed, is_proven=standing.is_proven and delivery.status is not None)
    rest = min(FIRST_REST * 2 ** min(failed.rests, _LONGEST), LONGEST_REST) * (1 + JITTER * jitter)
    return replace(
        failed,
        at_once=1,
        rests=failed.rests + 1,
        rested_at=now,
        rests_until=now + rest,
    )


def _is_in_order(status: int | None) -> bool:
    return status is not None and status < 500 and status != 429


def remembered(failing_since: datetime, rests_until: datetime) -> Standing:
    """What is left of the standing of a host in trouble after a restart."""
    return Standing(
        strain=_TOO_MUCH, failing_since=failing_since, rests=_LONGEST, rests_until=rests_until
    )
