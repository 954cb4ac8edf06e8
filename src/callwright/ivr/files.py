"""Flow and survey files on disk, and the samples that come with the package.

The only module of `ivr` that opens files: everything else works on text.
"""

from importlib import resources
from pathlib import Path

import msgspec

from callwright.errors import ScriptInvalid
from callwright.ivr.document import MAX_CHARACTERS, Faults, find_text, read_document
from callwright.ivr.load import load
from callwright.ivr.script import Script
from callwright.ivr.values import Ask, Prompt, Recorded, Speak, Step

SAMPLE_FLOW = "reminder.yaml"
SAMPLE_SURVEY = "survey.yaml"


def load_file(path: Path) -> Script:
    """The script in a file, its recordings found and named by their full paths.

    Raises:
        ScriptInvalid: the file cannot be read or is wrong, or a recording is missing.
    """
    source = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(4 * MAX_CHARACTERS + 1)
    except OSError as exc:
        raise ScriptInvalid(f"cannot read it: {exc.strerror}", source=source) from exc
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        column = exc.start - data.rfind(b"\n", 0, exc.start)
        raise ScriptInvalid("not UTF-8 text", line=line, column=column, source=source) from exc
    script = load(text, source)
    folder = path.absolute().parent
    try:
        steps = {name: _with_full_paths(step, folder) for name, step in script.steps.items()}
    except _RecordingUnusable as exc:
        faults = Faults(source)
        place = find_text(read_document(text, faults), exc.written)
        raise faults.at(str(exc), place) from exc
    return msgspec.structs.replace(script, steps=steps)


def sample_text(name: str) -> str:
    """The text of a sample: `SAMPLE_FLOW` or `SAMPLE_SURVEY`."""
    return (resources.files("callwright.ivr") / "samples" / name).read_text("utf-8")


def load_sample(name: str) -> Script:
    """A sample as a script."""
    return load(sample_text(name), name)


class _RecordingUnusable(Exception):
    def __init__(self, written: str, problem: str) -> None:
        super().__init__(f"the recording {written}: {problem}")
        self.written = written


def _with_full_paths(step: Step, folder: Path) -> Step:
    def full(prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
        return tuple(
            Recorded(path=_found(folder, prompt.path)) if isinstance(prompt, Recorded) else prompt
            for prompt in prompts
        )

    if isinstance(step, Speak):
        return msgspec.structs.replace(step, prompts=full(step.prompts))
    if isinstance(step, Ask):
        return msgspec.structs.replace(
            step,
            prompts=full(step.prompts),
            if_silent=full(step.if_silent),
            if_wrong=full(step.if_wrong),
        )
    return step


def _found(folder: Path, written: str) -> str:
    path = folder / written
    try:
        with path.open("rb") as file:
            start = file.read(12)
    except OSError as exc:
        raise _RecordingUnusable(written, exc.strerror or "cannot be read") from exc
    if start[:4] != b"RIFF" or start[8:] != b"WAVE":
        raise _RecordingUnusable(written, "is no WAV file")
    return str(path)
