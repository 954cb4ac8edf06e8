"""A deployment's rules for retries, as its row holds them."""

import json
from datetime import timedelta

from callwright.domain.outcome import Outcome
from callwright.domain.retry import NO_RULES, RetryRules
from callwright.store.sqlite.values import Value, to_json

_MICROSECOND = timedelta(microseconds=1)


def retry_rules_text(rules: RetryRules) -> str | None:
    """The text of a row; None = there are none."""
    if rules == NO_RULES:
        return None
    return to_json(
        {
            "waits": [wait // _MICROSECOND for wait in rules.waits],
            "waits_after": {
                outcome.value: wait // _MICROSECOND for outcome, wait in rules.waits_after.items()
            },
            "never_after": sorted(outcome.value for outcome in rules.never_after),
        }
    )


def retry_rules_of(text: Value) -> RetryRules:
    """The rules in such a text."""
    if text is None:
        return NO_RULES
    kept = json.loads(str(text))
    return RetryRules(
        waits=tuple(wait * _MICROSECOND for wait in kept["waits"]),
        waits_after={
            Outcome(word): wait * _MICROSECOND for word, wait in kept["waits_after"].items()
        },
        never_after=frozenset(Outcome(word) for word in kept["never_after"]),
    )
