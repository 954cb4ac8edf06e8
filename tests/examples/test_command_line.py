"""docs/command-line.md is true: its blocks run in order, in one folder, and print what it shows."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from callwright.cli.main import COMMANDS, command_line, main
from callwright.testing.peers.server import ServerUnderTest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.M | re.S)
SERVE = "callwright serve\n"

PATIENCE_S = 20.0
OTHERWISE = {"serve", "phones", "demo"}
"""Commands that run until they are told to stop: tested as processes elsewhere."""


class Reader:
    """Somebody who types the document into a shell, one block after the other."""

    def __init__(self, server: ServerUnderTest, capfd: pytest.CaptureFixture[str]) -> None:
        self._server = server
        self._capfd = capfd
        self._monkeypatch = pytest.MonkeyPatch()
        for name in [name for name in os.environ if name.startswith("CALLWRIGHT_")]:
            self._monkeypatch.delenv(name)
        # The port of the sample settings may be taken by somebody else here.
        self._monkeypatch.setenv("CALLWRIGHT_SERVER__LISTEN", "127.0.0.1:0")
        self._monkeypatch.chdir(server.folder)

    def leave(self) -> None:
        self._monkeypatch.undo()
        self._server.clean_up()

    def type_in(self, block: str) -> str:
        """What a block prints on stdout."""
        if block == SERVE:
            self._server.start()
            self._monkeypatch.setenv("CALLWRIGHT_SERVER_URL", self._server.url)
            return ""
        self._capfd.readouterr()
        for command in _commands(block):
            name, *words = shlex.split(command)
            if name == "callwright" and "|" not in command:
                # Here, not as a process: it is the same, and there are many.
                code = main(words)
            else:
                code = self._in_a_shell(command)
            assert code == 0, f"{command}\n{self._capfd.readouterr()}"
        out = self._capfd.readouterr().out
        if "callwright init" in block:
            [key] = re.findall(r"developer key +(\S+)", out)
            self._monkeypatch.setenv("CALLWRIGHT_USER", "admin@example.com")
            self._monkeypatch.setenv("CALLWRIGHT_KEY", key)
        # As a terminal shows it.
        return out.replace("\r\n", "\n").replace("\ufeff", "")

    def _in_a_shell(self, command: str) -> int:
        program = " ".join(map(shlex.quote, self._server.program))
        function = f'callwright() {{ {program} "$@"; }}\n'
        path = str(ROOT / "src")
        return subprocess.run(
            ["bash", "-ec", function + command],
            env={**os.environ, "PYTHONPATH": path},
            timeout=PATIENCE_S,
            check=False,
        ).returncode


def _commands(block: str) -> list[str]:
    """The commands of a block: a line each, or a line with a text that ends at END."""
    return [match[0] for match in re.finditer(r"^.*<<'END'\n(?:.*\n)*?END$|^.+$", block, re.M)]


@pytest.fixture
def reader(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Reader]:
    reader = Reader(ServerUnderTest(folder=tmp_path), capfd)
    yield reader
    reader.leave()


def shown(text: str) -> re.Pattern[str]:
    """What a block says is printed last; `…` stands for anything within a line."""
    return re.compile(".*".join(re.escape(part) for part in text.split("…")) + r"\Z")


def test_every_block_runs_and_prints_what_it_shows(reader: Reader) -> None:
    out = ""
    for language, text in BLOCKS:
        if language == "sh":
            out = reader.type_in(text)
        else:
            assert shown(text).search(out), f"{text}\nis not the end of\n{out}"


def test_every_command_is_shown() -> None:
    typed = "\n".join(text for language, text in BLOCKS if language == "sh")
    for name in COMMANDS.keys() - OTHERWISE:
        assert re.search(rf"^callwright {name}\b", typed, re.M), name
    for name in OTHERWISE:
        assert f"callwright {name}" in TEXT


def test_the_options_that_are_named_exist() -> None:
    known = {"--help"}
    for name in COMMANDS:
        known |= _options(typer.main.get_command(command_line(name)))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) - known == set()


def _options(command: Any) -> set[str]:
    """Of a command and of those below it."""
    found = {
        option
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for below in getattr(command, "commands", {}).values():
        found |= _options(below)
    return found
