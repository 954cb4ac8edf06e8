"""What is allowed in a script and yet worth a word to its author."""

from collections.abc import Iterator
from itertools import starmap

from callwright.domain.opt_out import is_opt_out
from callwright.ivr.graph import targets_without_keys
from callwright.ivr.script import Script
from callwright.ivr.template import fold_name
from callwright.ivr.values import HANGUP, Ask, Assign

_RATINGS = ((1, 5), (1, 7), (1, 10))


def warnings_for(script: Script) -> tuple[str, ...]:
    """Advice, one sentence each; empty when there is nothing to say."""
    return tuple(_warnings(script))


def _warnings(script: Script) -> Iterator[str]:
    if not script.caller:
        yield (
            "no 'caller:' says on whose behalf the call is made; the first prompt should say so "
            "too, in many countries it must"
        )
    known = {fold_name(name) for name in (*script.defaults, *script.stored)}
    for name in script.variables:
        if fold_name(name) not in known:
            yield (
                f"{{{name}}} has no default under 'variables:'; "
                "where a call does not bring it, it is empty"
            )
    if not _offers_opt_out(script):
        yield (
            "no key lets the callee ask for no more calls (one that stores 'opt_out'); "
            "for some kinds of calls the law asks for it"
        )
    if script.kind == "survey" and _silence_finishes(script):
        yield (
            "a callee who presses nothing, such as an answering machine, may count as a "
            "response; leave one question without 'optional' and 'if'"
        )
    for name, step in script.steps.items():
        if isinstance(step, Ask) and step.digits is not None and not _plainly_a_count(step):
            yield (
                f"{name}: 'digits: {step.digits.fewest}-{step.digits.most}' is how many digits "
                "an answer has; for a number in that range write 'scale:'"
            )


def _offers_opt_out(script: Script) -> bool:
    return any(
        isinstance(step, Assign) and any(starmap(is_opt_out, step.values.items()))
        for step in script.steps.values()
    )


def _silence_finishes(script: Script) -> bool:
    """Whether some way without any key leads to the end that counts."""
    waiting, seen = [script.start], set[str]()
    while waiting:
        name = waiting.pop()
        if name == HANGUP:
            return True
        if name in script.steps and name not in seen:
            seen.add(name)
            waiting.extend(targets_without_keys(script.steps[name]))
    return False


def _plainly_a_count(step: Ask) -> bool:
    """Whether nobody could mean a rating by it."""
    digits = step.digits
    return digits is None or digits.low is not None or (digits.fewest, digits.most) not in _RATINGS
