"""A compiled script: what a flow or survey file comes to, and its form as JSON.

The JSON is what the store keeps and what travels to a line, so it is read back as strictly
as it is written. How files are read is the business of `flow`, `survey` and `load`; what a
script does on a call is `interpreter`'s.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Literal

import msgspec

from callwright.errors import ScriptInvalid
from callwright.ivr.graph import find_faults
from callwright.ivr.template import fold_name, names_in
from callwright.ivr.values import (
    Amd,
    Ask,
    Assign,
    Await,
    Beep,
    Branch,
    Detect,
    Prompt,
    Question,
    Recorded,
    Speak,
    Spoken,
    Step,
    Talk,
    Wait,
)

Kind = Literal["flow", "survey"]


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One application or survey, checked: every target exists and silence ends the call."""

    format: Literal[1] = 1
    kind: Kind
    name: str
    caller: str = ""
    """On whose behalf the call is made; for people, not for the caller id."""
    voice: str = ""
    """The voice of prompts that name none; "" = the speech engine's own choice."""
    record: bool = False
    """Calls are recorded unless the request that queues them says otherwise."""
    defaults: dict[str, str] = {}
    """The variables the file declares, each with the value a call need not bring."""
    amd: Amd = Amd()
    """How a `Detect` tells machines from people."""
    start: str
    steps: dict[str, Step]
    questions: tuple[Question, ...] = ()
    """A survey's questions in order; empty for a flow."""

    @cached_property
    def prompts(self) -> tuple[Prompt, ...]:
        """Everything that may be heard, each once, in the file's order, places unfilled."""
        return tuple(dict.fromkeys(_prompts_of(self.steps)))

    @cached_property
    def foreseeable_prompts(self) -> tuple[Prompt, ...]:
        """Those of them that do not depend on what the callee keys."""
        stored = {fold_name(name) for name in self.stored}
        return tuple(
            prompt
            for prompt in self.prompts
            if isinstance(prompt, Recorded)
            or stored.isdisjoint(fold_name(name) for name in names_in(prompt.text))
        )

    @cached_property
    def listens(self) -> bool:
        """Whether it wants to know who answered, or waits for something to be heard."""
        return any(isinstance(step, Detect | Beep | Await) for step in self.steps.values())

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of all variables the script reads, sorted."""
        return tuple(sorted(_names_read(self.steps)))

    @cached_property
    def stored(self) -> tuple[str, ...]:
        """The names under which the script may store something, sorted."""
        return tuple(sorted(_names_stored(self.steps)))


def dump(script: Script) -> str:
    """The script as JSON, its steps in the file's order."""
    return msgspec.json.encode(script).decode()


def parse(text: str) -> Script:
    """The script that `dump` wrote.

    Raises:
        ScriptInvalid: not such JSON, another format, or its steps do not fit together.
    """
    try:
        script = msgspec.json.decode(text, type=Script)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise ScriptInvalid(f"not a compiled script: {exc}") from exc
    for step, problem in find_faults(script.steps, script.start):
        raise ScriptInvalid(f"step {step}: {problem}")
    try:
        _names_read(script.steps)
    except ValueError as exc:
        raise ScriptInvalid(str(exc)) from exc
    return script


def _prompts_of(steps: dict[str, Step]) -> Iterator[Prompt]:
    for step in steps.values():
        if isinstance(step, Speak):
            yield from step.prompts
        elif isinstance(step, Ask):
            yield from (*step.prompts, *step.if_silent, *step.if_wrong)


def _names_read(steps: dict[str, Step]) -> set[str]:
    names: set[str] = set()
    for prompt in _prompts_of(steps):
        if isinstance(prompt, Spoken):
            names.update(names_in(prompt.text))
    for step in steps.values():
        if isinstance(step, Assign):
            for template in step.values.values():
                names.update(names_in(template))
        elif isinstance(step, Talk):
            for template in step.parameters.values():
                names.update(names_in(template))
        elif isinstance(step, Branch):
            names.add(step.variable)
    return names


def _names_stored(steps: dict[str, Step]) -> set[str]:
    names: set[str] = set()
    for step in steps.values():
        if isinstance(step, Assign):
            names.update(step.values)
        elif isinstance(step, Ask | Detect) and step.store:
            names.add(step.store)
    return names


__all__ = [
    "Amd",
    "Ask",
    "Assign",
    "Await",
    "Beep",
    "Branch",
    "Detect",
    "Kind",
    "Prompt",
    "Question",
    "Recorded",
    "Script",
    "Speak",
    "Spoken",
    "Step",
    "Talk",
    "Wait",
    "dump",
    "parse",
]
