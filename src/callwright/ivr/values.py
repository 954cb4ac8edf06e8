"""The pieces a compiled script is made of: prompts, steps, and the two ends of a call.

A step names the steps after it. Three targets are no steps: `HANGUP` ends the call as one
that ran to its end, `GIVE_UP` as one that did not, and `TRY_AGAIN` as one whose attempt
failed. The ranges given here are
enforced where a script is read back from JSON; files have narrower ones.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

HANGUP = "hangup"
GIVE_UP = "give_up"
TRY_AGAIN = "try_again"
ENDS = (HANGUP, GIVE_UP, TRY_AGAIN)

KEYS = "0123456789*#ABCD"
"""Every key a telephone can send."""


class Amd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a machine is told from a person; the names are those of Asterisk's amd.conf."""

    initial_silence_ms: Annotated[int, Meta(ge=100, le=10_000)] = 2500
    """So much silence before anything is said decides."""
    greeting_ms: Annotated[int, Meta(ge=100, le=10_000)] = 2500
    """A person says less; counts speech alone, without the silence between words."""
    greeting_span_ms: Annotated[int, Meta(ge=100, le=10_000)] = 1700
    """A person is done sooner; counts from the first word, pauses within the greeting too."""
    patience_ms: Annotated[int, Meta(ge=0, le=10_000)] = 2800
    """No greeting is called long by its span sooner after the answer."""
    late_start_ms: Annotated[int, Meta(ge=0, le=10_000)] = 900
    """A machine begins sooner after the answer: a long span that began later is `unknown`."""
    after_greeting_silence_ms: Annotated[int, Meta(ge=100, le=10_000)] = 560
    """After a greeting a person waits so long."""
    total_analysis_ms: Annotated[int, Meta(ge=500, le=10_000)] = 4000
    """Then the verdict is `unknown`."""
    min_word_ms: Annotated[int, Meta(ge=20, le=2_000)] = 100
    """What is shorter is no word."""
    between_words_ms: Annotated[int, Meta(ge=20, le=2_000)] = 50
    """So much silence ends a word."""
    max_words: Annotated[int, Meta(ge=1, le=50)] = 12
    """So many words make a machine."""
    max_word_ms: Annotated[int, Meta(ge=100, le=10_000)] = 5000
    """So long a word makes a machine."""
    silence_threshold: Annotated[int, Meta(ge=0, le=32_767)] = 128
    """The mean magnitude of 16-bit samples below which there is silence."""


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

    def accepts(self, key: str) -> bool:
        """Whether a key that is no digit means something here."""
        return (
            key in self.keys
            or key in self.exits
            or (self.digits is not None and self.digits.until == key)
        )


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


class Detect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="detect"):
    """Wait until it is known who answered, store that, and go on accordingly."""

    store: str
    cases: dict[str, str]
    """By the words of `AnsweredBy`."""
    otherwise: str


class Beep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="beep"):
    """Wait for the end of a machine's beep; one heard before counts."""

    seconds: Annotated[float, Meta(gt=0, le=120)]
    next: str
    otherwise: str
    """The next step when none came in that time."""


class Await(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="await"):
    """Wait until nobody speaks (`quiet`), or until somebody has said a word or two (`person`)."""

    sign: Literal["quiet", "person"]
    seconds: Annotated[float, Meta(gt=0, le=120)]
    next: str
    otherwise: str
    """The next step when it did not come in that time."""


Step = Speak | Ask | Assign | Branch | Wait | Talk | Detect | Beep | Await


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question of a survey, as reports name it. `choices` maps keys to their meaning."""

    id: str
    text: str
    choices: dict[str, str] = {}
