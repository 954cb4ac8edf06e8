"""Reading what a deployment shall say of retries, as the API and the command line name it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from callwright.dialects.schedule import MAX_WAIT_S, MIN_WAIT_S
from callwright.domain.outcome import TRAITS, Outcome
from callwright.domain.retry import RetryRules
from callwright.errors import FieldInvalid

MOST_WAITS = 9
"""A call has ten attempts at most."""

RETRYABLE = tuple(outcome for outcome in Outcome if TRAITS[outcome].retryable)
"""What rules can be made for."""


def read_retry_rules(
    waits_s: Sequence[int], waits_after_s: Mapping[str, int], never_after: Sequence[str]
) -> RetryRules:
    """The rules that these seconds and names of outcomes come to.

    Raises:
        FieldInvalid: of field `waits_s`, `waits_after_s` or `never_after`.
    """
    if len(waits_s) > MOST_WAITS:
        raise FieldInvalid("waits_s", f"must be {MOST_WAITS} at most")
    return RetryRules(
        waits=tuple(_wait("waits_s", seconds) for seconds in waits_s),
        waits_after={
            _outcome("waits_after_s", word): _wait("waits_after_s", seconds)
            for word, seconds in waits_after_s.items()
        },
        never_after=frozenset(_outcome("never_after", word) for word in never_after),
    )


def _wait(field: str, seconds: int) -> timedelta:
    if not MIN_WAIT_S <= seconds <= MAX_WAIT_S:
        raise FieldInvalid(field, f"each must be {MIN_WAIT_S} to {MAX_WAIT_S} seconds")
    return timedelta(seconds=seconds)


def _outcome(field: str, word: str) -> Outcome:
    for outcome in RETRYABLE:
        if outcome.value == word:
            return outcome
    raise FieldInvalid(field, f"{word!r} is none of {', '.join(RETRYABLE)}")
