"""The pieces a compiled script is made of: prompts, steps, and the two ends of a call.

A step names the steps after it. Two targets are no steps: `HANGUP` ends the call as one
that ran to its end, `GIVE_UP` ends it as one that did not. The ranges given here are
enforced where a script is read back from JSON; files have narrower ones.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

HANGUP = "hangup"
GIVE_UP = "give_up"
ENDS = (HANGUP, GIVE_UP)

KEYS = "0123456789*#ABCD"
"""Every key a telephone can send."""


class Spoken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="say"):
    """A text to be spoken. In a script it may hold `{variable}` places, in a `Play` none."""

    text: str
    voice: str = ""


class Recorded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="play"):
    """A WAV file to be played."""

    path: str


Prompt = Spoken | Recorded


class Digits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer of several digits, as many as `fewest` to `most`.

    `until` ends it early ("" = nothing does). Where `low` and `high` are given, the digits
    are read as a number that must lie between them, both included.
    """

    fewest: Annotated[int, Meta(ge=1, le=32)]
    most: Annotated[int, Meta(ge=1, le=32)]
    until: str = ""
    low: int | None = None
    high: int | None = None

    def is_answer(self, typed: str) -> bool:
        """Whether these digits, as they stand, are an answer."""
        if not typed or not self.fewest <= len(typed) <= self.most:
            return False
        return (self.low is None or int(typed) >= self.low) and (
            self.high is None or int(typed) <= self.high
        )

    def may_grow(self, typed: str) -> bool:
        """Whether one more digit could still make or keep these an answer."""
        return len(typed) < self.most and (self.high is None or int(typed + "0") <= self.high)


class Speak(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="speak"):
    """Play prompts to their end; keys do not cut them short."""

    prompts: tuple[Prompt, ...]
    next: str


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="ask"):
    """Play prompts and wait for keys."""

    prompts: tuple[Prompt, ...]
    keys: dict[str, str] = {}
    """The one-key answers, each with its next step."""
    digits: Digits | None = None
    """The longer answer, instead of `keys`; its next step is `next`."""
    next: str = ""
    exits: dict[str, str] = {}
    """Keys that leave the question unanswered for another step; nothing is stored."""
    store: str = ""
    """The variable the answer goes to; "" = nowhere."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 5.0
    """The longest silence after the prompts, before the first key."""
    gap_s: Annotated[float, Meta(gt=0, le=60)] = 3.0
    """The longest silence between two digits."""
    tries: Annotated[int, Meta(ge=1, le=10)] = 3
    if_silent: tuple[Prompt, ...] = ()
    """Played before the prompts are repeated because no key came."""
    if_wrong: tuple[Prompt, ...] = ()
    """Played before the prompts are repeated because the answer was none of those allowed."""
    barge_in: bool = True
    """A key cuts the prompts short, and keys pressed before them count."""
    otherwise: str = GIVE_UP
    """The next step when all tries are used up."""


class Assign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="set"):
    """Give variables values, which may hold `{variable}` places."""

    values: dict[str, str]
    next: str


class Branch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="branch"):
    """Go on according to what a variable holds; compared as text, character by character."""

    variable: str
    cases: dict[str, str]
    otherwise: str


class Wait(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="wait"):
    """Let time pass in silence."""

    seconds: Annotated[float, Meta(gt=0, le=60)]
    next: str


class Talk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="agent"):
    """Hand the call to a program that hears and speaks over a websocket."""

    url: str
    """`ws:` or `wss:`; no places, for what is in an address is in somebody's log."""
    parameters: dict[str, str] = {}
    """What the program is told of the call; values may hold `{variable}` places."""
    longest_s: Annotated[float, Meta(gt=0, le=14400)] = 3600.0
    next: str
    """When the program closes the websocket, or the time is over."""
    failed: str = GIVE_UP
    """When it cannot be reached, or the websocket breaks."""


Step = Speak | Ask | Assign | Branch | Wait | Talk


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question of a survey, as reports name it. `choices` maps keys to their meaning."""

    id: str
    text: str
    choices: dict[str, str] = {}
