"""A script for the phones: a TOML file of rules that say more than the last four digits.

    seed = 7                      # the same seed, number and try always do the same

    [[rule]]
    match = "+1555*"              # a glob on the dialled number; the first rule to apply wins
    chance = 0.3                  # applies to this share of the calls it matches; default 1
    on_try = 2                    # or [2, 3]: only when dialled for the second time
    does = "answer"               # answer | refuse | ring | voicemail
    code = 480                    # refuse: the SIP code
    ring_s = [1.0, 4.0]           # seconds before that, drawn from a range, or one number
    early_media = true            # an announcement while it rings
    challenge = true              # asks for the password first; or "SHA-256" instead of MD5
    keys = ["1", "5#"]            # answer: after the first prompt, after the second, ...
    hang_up_after_s = 10          # answer, voicemail: or a range

Every number no rule applies to does what it does without a script.
"""

import re
import tomllib
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path
from random import Random
from typing import Annotated, Literal

import msgspec

from callwright.errors import ConfigInvalid
from callwright.telephony.phones.behaviour import PERSON, VOICEMAIL, Behaviour, built_in

_MAX_BYTES = 1 << 20
_ACTS = {
    "answer": PERSON,
    "refuse": Behaviour(name="refuses", ring_s=0, code=486),
    "ring": Behaviour(name="rings for ever", ring_s=inf),
    "voicemail": VOICEMAIL,
}
_ASKS = {True: "MD5", False: ""}
_ONLY_WITH = {
    "code": ("refuse",),
    "ring_s": ("answer", "refuse", "voicemail"),
    "keys": ("answer",),
    "hang_up_after_s": ("answer", "voicemail"),
}
_PLACE = re.compile(r" - at `\$(?P<path>[^`]*)`\Z")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_UNKNOWN = re.compile(r"unknown field `(?P<name>.*)`")

Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Span = Annotated[list[Seconds], msgspec.Meta(min_length=2, max_length=2)]
Keys = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-D*#,p]{1,64}$")]
Try = Annotated[int, msgspec.Meta(ge=1)]


class _Rule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One `[[rule]]` as it is written."""

    match: Annotated[str, msgspec.Meta(min_length=1)] = "*"
    chance: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    on_try: Try | list[Try] = []
    does: Literal["answer", "refuse", "ring", "voicemail"] = "answer"
    code: Annotated[int, msgspec.Meta(ge=300, le=699)] | None = None
    ring_s: Seconds | Span | None = None
    early_media: bool = False
    challenge: bool | Literal["MD5", "SHA-256"] = False
    keys: Keys | list[Keys] = []
    hang_up_after_s: Seconds | Span | None = None


class _File(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    seed: int = 0
    rule: Annotated[list[_Rule], msgspec.Meta(max_length=1000)] = []


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One `[[rule]]`, ready to be applied. None as a span: what the behaviour says."""

    match: str
    chance: float
    on_try: frozenset[int]
    behaviour: Behaviour
    ring_s: tuple[float, float] | None
    hang_up_after_s: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneScript:
    """Rules in their order, and the seed of all chance."""

    rules: tuple[Rule, ...]
    seed: int = 0

    def behaviour(self, number: str, tries_before: int) -> Behaviour:
        """What `number` does now; chance depends on seed, number and try alone."""
        chance = Random(f"{self.seed}/{number}/{tries_before}")
        for rule in self.rules:
            if not fnmatchcase(number, rule.match):
                continue
            if rule.on_try and tries_before + 1 not in rule.on_try:
                continue
            if chance.random() >= rule.chance:
                continue
            behaviour = rule.behaviour
            if rule.ring_s is not None:
                behaviour = replace(behaviour, ring_s=chance.uniform(*rule.ring_s))
            if rule.hang_up_after_s is not None:
                after_s = chance.uniform(*rule.hang_up_after_s)
                behaviour = replace(behaviour, hang_up_after_s=after_s)
            return behaviour
        return built_in(number, tries_before)


def load_script(path: Path) -> PhoneScript:
    """The script in `path`.

    Raises:
        ConfigInvalid: the file cannot be read or is no script; names file, rule and key.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise ConfigInvalid(f"{path}: cannot be read: {reason}") from exc
    if len(data) > _MAX_BYTES:
        raise ConfigInvalid(f"{path}: over 1 MiB long")
    try:
        return read_script(data.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as exc:
        raise ConfigInvalid(f"{path}: not UTF-8 text") from exc


def read_script(text: str, source: str) -> PhoneScript:
    """The script in `text`; `source` is how errors name it.

    Raises:
        ConfigInvalid: as `load_script`.
    """
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise ConfigInvalid(f"{source}: not TOML: {exc}") from exc
    except msgspec.ValidationError as exc:
        raise ConfigInvalid(f"{source}: {_explained(str(exc))}") from exc
    rules = tuple(_ready(rule, f"{source}: rule {at}") for at, rule in enumerate(file.rule, 1))
    return PhoneScript(rules=rules, seed=file.seed)


def _ready(rule: _Rule, where: str) -> Rule:
    for key, acts in _ONLY_WITH.items():
        if getattr(rule, key) not in (None, []) and rule.does not in acts:
            raise ConfigInvalid(f"{where}: {key}: goes only with does = {' or '.join(acts)}")
    behaviour = replace(
        _ACTS[rule.does],
        keys=(rule.keys,) if isinstance(rule.keys, str) else tuple(rule.keys),
        early_media=rule.early_media,
        challenge=rule.challenge if isinstance(rule.challenge, str) else _ASKS[rule.challenge],
    )
    if rule.code is not None:
        behaviour = replace(behaviour, code=rule.code)
    return Rule(
        match=rule.match,
        chance=rule.chance,
        on_try=frozenset(rule.on_try if isinstance(rule.on_try, list) else [rule.on_try]),
        behaviour=behaviour,
        ring_s=_span(rule.ring_s, f"{where}: ring_s"),
        hang_up_after_s=_span(rule.hang_up_after_s, f"{where}: hang_up_after_s"),
    )


def _span(written: float | list[float] | None, where: str) -> tuple[float, float] | None:
    if written is None:
        return None
    low, high = written if isinstance(written, list) else (written, written)
    # Not a number compares false with everything, so it is refused here too.
    if not low <= high:
        raise ConfigInvalid(f"{where}: the first number must not be greater than the second")
    return low, high


def _explained(problem: str) -> str:
    """msgspec's words with the place as a reader counts: `rule 2: code: ...`."""
    place = _PLACE.search(problem)
    text = problem[: place.start()] if place else problem
    path = place["path"] if place else ""
    names = [name or str(int(index) + 1) for name, index in _STEP.findall(path)]
    where = ": ".join(names).replace("rule: ", "rule ", 1)
    unknown = _UNKNOWN.search(text)
    if unknown is not None:
        known = _Rule.__struct_fields__ if names else _File.__struct_fields__
        near = get_close_matches(unknown["name"], known, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"
        text = f"{unknown['name']}: no such key{hint}"
    return f"{where}: {text}" if where else text
