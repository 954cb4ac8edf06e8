"""Servers that pace as a dialler often does, and should not: for `outage` and `herd`."""

from collections.abc import Callable
from typing import Any

from _breaks import Patch
from callwright.domain import retry
from callwright.runtime import dispatcher, pacing, rate
from callwright.runtime.pacing import Pacer
from callwright.runtime.rate import Starts
from callwright.service import claim_calls


def _no_ramp() -> list[Patch]:
    """Go on at full speed as soon as the trunk is back."""
    return [(Pacer, "calls_per_second", lambda self, now: self.limits.calls_per_second)]


def _no_give_back() -> list[Patch]:
    """Let the calls pay for the trunk's trouble."""
    return [(retry, "MAX_GIVEN_BACK", 0)]


def _no_breaker() -> list[Patch]:
    """Go on calling, whatever the trunk says."""
    return [(Pacer, "in_trouble", property(lambda self: False))]


def _deaf_to_retry_after() -> list[Patch]:
    """Count a refusal, and do not read when to come back."""
    failed = Pacer.trunk_failed

    def fail(self: Pacer, now: float, retry_after_s: float = 0.0, *, asked_at: float) -> bool:
        return failed(self, now, asked_at=asked_at)

    return [(Pacer, "trunk_failed", fail)]


def _given_back_first() -> list[Patch]:
    """Probe with the calls that have failed already."""
    claim = claim_calls.claim_due_calls

    def claim_in_order(*arguments: Any, **named: Any) -> Any:
        return claim(*arguments, **{**named, "retries_first": True})

    return [(dispatcher, "claim_due_calls", claim_in_order)]


def _no_smoothing() -> list[Patch]:
    """Count in whole seconds, and start each second's calls at its beginning."""

    def free(last: Starts, calls_per_second: float, now: float, *, quantum_s: float) -> int:
        return int(calls_per_second) if rate.wait_s(last, calls_per_second, now) <= 0 else 0

    return [(pacing, "free_now", free)]


def _no_span() -> list[Patch]:
    """Trust the even spacing alone, and make up for whatever it was late."""
    return [(rate, "_most", lambda calls_per_second: 10**6), (rate, "SPAN_S", 0.95)]


def _unfair() -> list[Patch]:
    """Serve the oldest deployment, for as long as anything of it is left."""
    turns = claim_calls._turns

    def oldest_first(queues: Any, turn: Any) -> Any:
        return turns(queues, claim_calls.NOBODY)[:1]

    return [(claim_calls, "_turns", oldest_first)]


OUTAGE_BREAKS: dict[str, Callable[[], list[Patch]]] = {
    "no-ramp": _no_ramp,
    "no-give-back": _no_give_back,
    "no-breaker": _no_breaker,
    "deaf-to-retry-after": _deaf_to_retry_after,
    "given-back-first": _given_back_first,
}

HERD_BREAKS: dict[str, Callable[[], list[Patch]]] = {
    "no-smoothing": _no_smoothing,
    "no-span": _no_span,
    "unfair": _unfair,
}
