"""What a line tells a script, and what a script asks of its line. Used by `interpreter`."""

from dataclasses import dataclass

from callwright.domain.answered_by import AnsweredBy
from callwright.ivr.values import Prompt


@dataclass(frozen=True, slots=True)
class PromptsDone:
    """The prompts of the `Play` with this token were heard to their end."""

    token: int


@dataclass(frozen=True, slots=True)
class Digit:
    """The callee pressed a key: one of `0-9*#A-D`."""

    digit: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The time of the `SetTimer` with this token is over."""

    token: int


@dataclass(frozen=True, slots=True)
class RemoteHungUp:
    """The callee hung up, or the leg was lost. Answered with a `HangUp`."""


@dataclass(frozen=True, slots=True)
class AgentDone:
    """The program of the `TalkTo` with this token is finished; `ok`: by its own will."""

    token: int
    ok: bool


@dataclass(frozen=True, slots=True)
class Identified:
    """It is known who answered, or that it will not be known. Said once, if at all."""

    who: AnsweredBy


@dataclass(frozen=True, slots=True)
class Beeped:
    """A beep as machines have it was heard to its end."""


@dataclass(frozen=True, slots=True)
class Hushed:
    """Nobody speaks any more; told again and again while that lasts.

    `said_ms`: how long it took, first word to last, what was said since the last time; 0:
    nothing was.
    """

    said_ms: int


Event = PromptsDone | Digit | TimerFired | RemoteHungUp | AgentDone | Identified | Beeped | Hushed


@dataclass(frozen=True, slots=True)
class Play:
    """Play these, one after the other, and report `PromptsDone(token)`. Never empty."""

    prompts: tuple[Prompt, ...]
    token: int


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """Stop what is playing now; no `PromptsDone` is owed for it."""


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Report `TimerFired(token)` after `seconds`. At most one timer runs at a time."""

    token: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """The timer with this token is not needed any more."""

    token: int


@dataclass(frozen=True, slots=True)
class Store:
    """The script stored something: an answer, or a `set`."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class EnterStep:
    """The script came to a step. For the call's log."""

    name: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the leg, if it is not over yet. Always the last action, said exactly once.

    `finished`: the script ran to its end; for a survey, the visit is a response.
    `try_again`: the callee was not reached, and the attempt is to count as a failed one.
    """

    finished: bool
    try_again: bool = False


@dataclass(frozen=True, slots=True)
class TalkTo:
    """Connect the callee with the program at `url`, and report `AgentDone(token)`.

    Keys go to the program meanwhile, and need not be told to the script.
    """

    url: str
    parameters: dict[str, str]
    longest_s: float
    token: int


Action = Play | StopPlaying | SetTimer | CancelTimer | Store | EnterStep | HangUp | TalkTo
