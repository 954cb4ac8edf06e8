"""What flows and surveys say alike about asking: the answer's shape, and patience."""

from collections.abc import Iterable
from typing import TypedDict

from callwright.ivr.fields import Fields, read_key
from callwright.ivr.values import Digits, Prompt

MAX_DIGITS = 32

PATIENCE_KEYS = ("timeout", "gap", "tries", "say_if_silent", "say_if_wrong", "barge_in")


class Patience(TypedDict):
    """The fields of an `Ask` that say how long and how often it waits."""

    timeout_s: float
    gap_s: float
    tries: int
    if_silent: tuple[Prompt, ...]
    if_wrong: tuple[Prompt, ...]
    barge_in: bool


def read_patience(fields: Fields) -> Patience:
    """How long and how often an ask waits, and what it says before it asks again."""
    return Patience(
        timeout_s=fields.seconds("timeout", 5.0, least=0.5, most=60.0),
        gap_s=fields.seconds("gap", 3.0, least=0.5, most=30.0),
        tries=fields.whole("tries", 3, least=1, most=10),
        if_silent=fields.prompts("say_if_silent"),
        if_wrong=fields.prompts("say_if_wrong"),
        barge_in=fields.flag("barge_in", True),
    )


def read_digits(fields: Fields) -> Digits | None:
    """The answer that `digits` or `scale` describes, ended early by `until`."""
    node = fields.node("until")
    until = "" if node is None else read_key(node, fields.faults)
    if until and until in "0123456789":
        fields.faults.add("'until' must be a key that is no digit, such as \"#\"", fields.place)
    count = fields.span("digits", least=1, most=MAX_DIGITS)
    if count is not None:
        fewest, most = count
        return Digits(fewest=fewest, most=most, until=until or ("#" if fewest != most else ""))
    scale = fields.span("scale", least=0, most=999_999)
    if scale is not None:
        low, high = scale
        most = len(str(high))
        return Digits(
            fewest=1, most=most, until=until or ("#" if most > 1 else ""), low=low, high=high
        )
    return None


def check_exits(fields: Fields, exits: Iterable[str], until: str, where: str) -> None:
    """Note keys that would be part of a long answer and cannot lead out of it."""
    for key in exits:
        if key and (key in "0123456789" or key == until):
            fields.faults.add(
                f"the key {key} is part of the answer and cannot lead elsewhere",
                fields.place_of(where),
            )
