"""Every flow and survey we ship or show is read, is free of warnings, and ends in silence."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from callwright.ivr import (
    SAMPLE_FLOW,
    SAMPLE_SURVEY,
    Interpreter,
    Script,
    dump,
    load,
    load_file,
    load_sample,
    parse,
    warnings_for,
)
from callwright.ivr.exchange import Action, HangUp, Play, PromptsDone, SetTimer, TimerFired
from callwright.ivr.values import Spoken

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
CHARACTERS_PER_SECOND = 14
SECONDS_PER_PROMPT = 0.2


def seconds_in_silence(script: Script, variables: Mapping[str, str]) -> float:
    """How long a callee who presses nothing is kept, speech being slow."""
    machine = Interpreter(script, variables)
    actions: list[Action] = machine.start()
    seconds = 0.0
    for _ in range(1000):
        last = actions[-1]
        if isinstance(last, HangUp):
            return seconds
        if isinstance(last, Play):
            for prompt in last.prompts:
                assert isinstance(prompt, Spoken)
                seconds += len(prompt.text) / CHARACTERS_PER_SECOND + SECONDS_PER_PROMPT
            actions = machine.on(PromptsDone(last.token))
        else:
            assert isinstance(last, SetTimer)
            seconds += last.seconds
            actions = machine.on(TimerFired(last.token))
    raise AssertionError("silence does not end the call")


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_whole(path: Path) -> None:
    script = load_file(path)
    assert parse(dump(script)) == script
    assert seconds_in_silence(script, {}) < 120


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_that_asks_something_draws_no_warnings(path: Path) -> None:
    script = load_file(path)
    if any("opt_out" in name for name in script.stored):
        assert warnings_for(script) == ()


@pytest.mark.parametrize("name", [SAMPLE_FLOW, SAMPLE_SURVEY])
def test_a_sample_is_whole_and_draws_no_warnings(name: str) -> None:
    script = load_sample(name)
    assert parse(dump(script)) == script
    assert warnings_for(script) == ()


def test_the_sample_application_ends_by_itself_within_15_seconds() -> None:
    script = load_sample(SAMPLE_FLOW)
    assert seconds_in_silence(script, {}) <= 15
    assert seconds_in_silence(script, {"first_name": "Maximiliana Josephine"}) <= 15


def fenced_examples() -> list[tuple[str, int, str]]:
    """The YAML of the pages on flows, with the page and the line each begins on."""
    return [
        (page, text.count("\n", 0, match.start()) + 1, match[1])
        for page in ("flows", "answering-machines")
        for text in [(ROOT / "docs" / f"{page}.md").read_text("utf-8")]
        for match in re.finditer(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


def whole_file(example: str) -> str:
    """The example, with what it leaves out around it: a head, and the steps it names."""
    if example.startswith(("callwright:", "#")):
        return example
    if re.search(r"^ *- id:", example):
        return f"callwright: 1\nsurvey: Example\nquestions:\n{example}"
    steps = re.findall(r"^  ([A-Za-z_]+):", example, re.MULTILINE)
    named = re.findall(r"(?:next|otherwise|start): ([a-z_]+)", example)
    for block in re.findall(r"(?:keys|when): \{(.*?)\}", example):
        named += re.findall(r": ([a-z_]+)", block)
    named += re.findall(r"^ {6}\d: ([a-z_]+)$", example, re.MULTILINE)
    missing = sorted(set(named) - set(steps) - {"hangup", "give_up", "try_again"})
    rest = "".join(f"  {name}: {{say: Bye., next: hangup}}\n" for name in missing)
    return f"callwright: 1\nname: Example\n{example}{rest}"


@pytest.mark.parametrize(
    ("page", "line", "example"),
    [pytest.param(*e, id=f"{e[0]} line {e[1]}") for e in fenced_examples()],
)
def test_an_example_in_the_manual_is_valid(page: str, line: int, example: str) -> None:
    script = load(whole_file(example), f"docs/{page}.md example on line {line}")
    assert script.steps


def test_the_manual_has_examples() -> None:
    assert len(fenced_examples()) >= 8
