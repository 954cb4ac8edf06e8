"""Flow files: steps with names, each doing one thing, compiled into a `Script`.

The language is described in docs/flows.md. This module knows its keys; `fields` knows how
values are written, `graph` whether the steps fit together.
"""

from dataclasses import dataclass, field

from callwright.domain.answered_by import AnsweredBy
from callwright.ivr.answering import read_amd
from callwright.ivr.asking import PATIENCE_KEYS, check_exits, read_digits, read_patience
from callwright.ivr.document import Faults, Mapping, Node, Place, Scalar, hint_for
from callwright.ivr.fields import (
    Fields,
    read_agent_url,
    read_key,
    read_name,
    read_recording,
    read_step_name,
    read_template,
    read_variables,
    read_version,
)
from callwright.ivr.graph import find_faults
from callwright.ivr.script import Script
from callwright.ivr.values import (
    ENDS,
    GIVE_UP,
    Ask,
    Assign,
    Await,
    Beep,
    Branch,
    Detect,
    Speak,
    Spoken,
    Step,
    Talk,
    Wait,
)

MAX_STEPS = 500

FLOW_KEYS = (
    *("callwright", "name", "caller", "voice", "record", "variables"),
    *("amd", "start", "steps"),
)
STEP_KEYS: dict[str, tuple[str, ...]] = {
    "say": ("say", "voice", "next"),
    "play": ("play", "next"),
    "ask": (
        *("ask", "keys", "digits", "scale", "until", "store", "next", "otherwise"),
        *PATIENCE_KEYS,
    ),
    "set": ("set", "next"),
    "branch": ("branch", "when", "otherwise"),
    "wait": ("wait", "next"),
    "agent": ("agent", "parameters", "longest", "next", "failed"),
    "detect": ("detect", "when", "otherwise"),
    "beep": ("beep", "next", "otherwise"),
    "quiet": ("quiet", "next", "otherwise"),
    "person": ("person", "next", "otherwise"),
}


@dataclass
class _Targets:
    """The steps that others name, to be compared when all steps are known."""

    faults: Faults
    named: list[tuple[str, Place]] = field(default_factory=list)

    def read(self, node: Node | None, default: str = "") -> str:
        if node is None:
            return default
        target = read_step_name(node, self.faults)
        if target:
            self.named.append((target, node.place))
        return target

    def check(self, steps: tuple[str, ...]) -> None:
        for target, place in self.named:
            if target not in steps and target not in ENDS:
                hint = hint_for(target, (*steps, *ENDS))
                self.faults.add(f"there is no step '{target}'; {hint}", place)


def compile_flow(root: Node, faults: Faults) -> Script:
    """The script a flow file describes.

    Raises:
        ScriptInvalid: the first fault in the file; the others are its notes.
    """
    fields = Fields(root, faults, "a flow", FLOW_KEYS)
    fields.require("callwright", "name", "steps")
    read_version(fields)
    targets = _Targets(faults)
    places: dict[str, Place] = {}
    steps = _read_steps(fields, targets, places)
    start = targets.read(fields.node("start"), next(iter(steps), ""))
    if "start" in fields and start in ENDS:
        faults.add("a call cannot start with its end", fields.place_of("start"))
    targets.check(tuple(places))
    script = Script(
        kind="flow",
        name=fields.text("name"),
        caller=fields.text("caller"),
        voice=fields.voice(),
        record=fields.flag("record", False),
        defaults=read_variables(fields),
        amd=read_amd(fields),
        start=start,
        steps=steps,
    )
    faults.raise_any()
    for name, problem in find_faults(steps, start):
        faults.add(f"step '{name}': {problem}", places[name])
    faults.raise_any()
    return script


def _read_steps(fields: Fields, targets: _Targets, places: dict[str, Place]) -> dict[str, Step]:
    faults = fields.faults
    node = fields.node("steps")
    if node is None:
        return {}
    if not isinstance(node, Mapping) or not node.entries:
        faults.add("'steps' must be a map of step names and steps", fields.place_of("steps"))
        return {}
    if len(node.entries) > MAX_STEPS:
        raise faults.at(f"a flow has at most {MAX_STEPS} steps", node.place)
    steps: dict[str, Step] = {}
    for key, value in node.entries:
        name = read_step_name(key, faults)
        if name in ENDS:
            faults.add(f"'{name}' is the end of a call and cannot name a step", key.place)
        places[name] = key.place
        step = _read_step(name, value, faults, targets)
        if step is not None:
            steps[name] = step
    return steps


def _read_step(name: str, node: Node, faults: Faults, targets: _Targets) -> Step | None:
    if not isinstance(node, Mapping):
        faults.add(f"step '{name}' must be a map, such as {{say: ..., next: ...}}", node.place)
        return None
    verbs = [key.text for key, _ in node.entries if key.text in STEP_KEYS]
    if len(verbs) != 1:
        found = f"has {' and '.join(verbs)}" if verbs else "has none of these"
        wanted = ", ".join(STEP_KEYS)
        faults.add(f"a step does one of {wanted}; step '{name}' {found}", node.place)
        return None
    verb = verbs[0]
    fields = Fields(node, faults, f"a {verb} step", STEP_KEYS[verb])
    if verb == "ask":
        return _read_ask(fields, targets)
    if verb == "branch":
        return _read_branch(fields, targets)
    if verb == "detect":
        return _read_detect(fields, targets)
    fields.require("next")
    following = targets.read(fields.node("next"))
    if verb == "agent":
        return Talk(
            url=read_agent_url(fields.node("agent"), faults),
            parameters=_read_values(fields, "parameters") if "parameters" in fields else {},
            longest_s=fields.seconds("longest", 3600.0, least=1.0, most=14400.0),
            next=following,
            failed=targets.read(fields.node("failed"), GIVE_UP),
        )
    if verb == "beep":
        return Beep(
            seconds=fields.seconds("beep", 30.0, least=1.0, most=120.0),
            next=following,
            otherwise=targets.read(fields.node("otherwise"), following),
        )
    if verb in ("quiet", "person"):
        return Await(
            sign="quiet" if verb == "quiet" else "person",
            seconds=fields.seconds(verb, 30.0, least=1.0, most=120.0),
            next=following,
            otherwise=targets.read(fields.node("otherwise"), following),
        )
    if verb == "set":
        return Assign(values=_read_values(fields, "set"), next=following)
    if verb == "wait":
        seconds = fields.seconds("wait", 1.0, least=0.1, most=60.0)
        return Wait(seconds=seconds, next=following)
    recording = fields.node("play")
    if recording is not None:
        return Speak(prompts=(read_recording(recording, faults),), next=following)
    voice = fields.voice()
    prompts = tuple(
        Spoken(text=prompt.text, voice=prompt.voice or voice)
        if isinstance(prompt, Spoken)
        else prompt
        for prompt in fields.prompts("say")
    )
    return Speak(prompts=prompts, next=following)


def _read_ask(fields: Fields, targets: _Targets) -> Ask:
    faults = fields.faults
    if "digits" in fields and "scale" in fields:
        faults.add("an ask has either 'digits' or 'scale'", fields.place_of("scale"))
    long_answer = "digits" in fields or "scale" in fields
    if not long_answer:
        if "keys" not in fields:
            faults.add("an ask needs 'keys', 'digits' or 'scale'", fields.place)
        for key in ("until", "next"):
            if key in fields:
                faults.add(f"'{key}' goes with 'digits' or 'scale'", fields.place_of(key))
    else:
        fields.require("next")
    keys = _read_keys(fields, targets)
    digits = read_digits(fields) if long_answer else None
    if digits is not None:
        check_exits(fields, keys, digits.until, "keys")
    return Ask(
        prompts=fields.prompts("ask"),
        keys={} if long_answer else keys,
        exits=keys if long_answer else {},
        digits=digits,
        next=targets.read(fields.node("next")),
        store=fields.name("store"),
        otherwise=targets.read(fields.node("otherwise"), GIVE_UP),
        **read_patience(fields),
    )


def _read_keys(fields: Fields, targets: _Targets) -> dict[str, str]:
    node = fields.node("keys")
    if node is None:
        return {}
    if not isinstance(node, Mapping) or not node.entries:
        fields.faults.add("'keys' must be a map of keys and steps", node.place)
        return {}
    return {read_key(key, fields.faults): targets.read(value) for key, value in node.entries}


def _read_values(fields: Fields, key: str) -> dict[str, str]:
    node = fields.node(key)
    if not isinstance(node, Mapping) or not node.entries:
        fields.faults.add(f"'{key}' must be a map of names and values", fields.place)
        return {}
    return {
        read_name(key, fields.faults): ""
        if isinstance(value, Scalar) and not value.text
        else read_template(value, fields.faults)
        for key, value in node.entries
    }


def _read_branch(fields: Fields, targets: _Targets) -> Branch:
    return Branch(
        variable=fields.name("branch"),
        cases=_read_cases(fields, targets),
        otherwise=targets.read(fields.node("otherwise")),
    )


def _read_detect(fields: Fields, targets: _Targets) -> Detect:
    cases = _read_cases(fields, targets)
    for word in cases:
        if word not in tuple(AnsweredBy):
            fields.faults.add(
                f"'{word}' is nobody who answers; {hint_for(word, tuple(AnsweredBy))}",
                fields.place_of("when"),
            )
    return Detect(
        store=fields.name("detect"),
        cases=cases,
        otherwise=targets.read(fields.node("otherwise")),
    )


def _read_cases(fields: Fields, targets: _Targets) -> dict[str, str]:
    """The `when` of a step that goes on by a value; `otherwise` must stand beside it."""
    fields.require("when", "otherwise")
    node = fields.node("when")
    if node is not None and (not isinstance(node, Mapping) or not node.entries):
        fields.faults.add("'when' must be a map of values and steps", node.place)
    elif isinstance(node, Mapping):
        return {key.text: targets.read(value) for key, value in node.entries}
    return {}
