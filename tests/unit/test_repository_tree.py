"""Rules about the files themselves: size, names, packages, nothing of one machine."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "callwright"

MOST_LINES = 350
# A longer file stands here with the reason why it has no seam.
LONGER = {
    "src/callwright/config/settings.py": "the list of all settings, in the order they are shown",
    "src/callwright/ivr/interpreter.py": "one machine: each kind of step is a few lines",
    "src/callwright/telephony/sip/call.py": "one machine: its handlers need its whole state",
}

BANNED_NAMES = {"util", "utils", "common", "helper", "helpers", "misc", "manager", "base"}


def committed_files(*folders: str) -> Iterator[Path]:
    """Files that git would hold. Asked of the folders: a bare system has no git."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def python_files() -> list[Path]:
    return [
        path for path in committed_files("src", "tests", "bench", "stress") if path.suffix == ".py"
    ]


def test_no_file_grew_too_long() -> None:
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for path in python_files()
    }
    assert {name for name, count in lines.items() if count > MOST_LINES} <= LONGER.keys()


def test_no_file_has_a_name_that_says_nothing() -> None:
    named = {
        part for path in python_files() for part in path.relative_to(ROOT).with_suffix("").parts
    }
    assert not named & BANNED_NAMES


def test_every_package_has_an_init() -> None:
    folders = {path.parent for path in SOURCE.rglob("*.py")}
    assert not {folder for folder in folders if not (folder / "__init__.py").exists()}


# Written so that neither expression matches itself.
INDEX_URL = re.compile(r"https?://[^\s\"'/]*(?:pypi|pythonhosted)")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home)/\w|/opt/(?:wheels|pypi)")


def test_nothing_names_a_package_index_or_a_folder_of_one_machine() -> None:
    top = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]
    found = []
    for path in (*top, *committed_files(".ci", "src", "tests", "bench", "docs", "examples")):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        hits = [match[0] for rule in (INDEX_URL, MACHINE_PATH) for match in rule.finditer(text)]
        if hits:
            found.append((path.relative_to(ROOT).as_posix(), hits))
    assert not found
