"""A server that dials its built-in phones, and a shell whose commands are its clients."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from callwright.cli.main import main
from callwright.testing.peers.server import ServerUnderTest, server_folder
from callwright.testing.peers.waiting import wait_for

PATIENCE_S = 20.0

ANSWERS, BUSY, RINGS_FOR_EVER, NO_SUCH_NUMBER = (
    "6175550100",
    "6175550150",
    "6175550151",
    "6175550153",
)
SHORT = 3
"""An application that hangs up as soon as somebody has answered; its deployment's id too."""

_SETTINGS = {"callbacks": {"allow": ["127.0.0.0/8"]}, "speech": {"engine": "tones"}}
_FLOW = """\
callwright: 1
name: Short
steps:
  pause:
    wait: 0.1s
    next: hangup
"""


@contextmanager
def dialling_server(folder: Path) -> Iterator[ServerUnderTest]:
    """A server with the samples and the short application."""
    with server_folder(folder, _SETTINGS) as server:
        assert server.add_application("Short", _FLOW) == f"apps/{SHORT}/{SHORT}"
        server.start()
        yield server


class Shell:
    """Runs commands in one folder and takes down what they print."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.err = ""

    def run(self, *words: str, code: int = 0) -> str:
        """stdout of a command that must exit with `code`."""
        result = main(list(words))
        out, self.err = self._capsys.readouterr()
        assert result == code, self.err
        assert "Traceback" not in self.err
        if code in (2, 3, 4):
            assert out == ""
            assert all(line.startswith("callwright: ") for line in self.err.splitlines())
        return out

    def ask(self, *words: str, code: int = 0) -> dict[str, Any]:
        """The one JSON object a command prints."""
        out = self.run(*words, "--json", code=code)
        assert out.count("\n") == 1
        return dict(json.loads(out))

    def refuse(self, *words: str, code: int = 3) -> str:
        """The one line that a command says whose wish is not met."""
        self.run(*words, code=code)
        assert len(self.err.splitlines()) == 1, self.err
        return self.err.strip()

    def write(self, name: str, text: str) -> str:
        """The name of a file with this text."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def call_in(self, call_id: int, *states: str) -> dict[str, Any]:
        """The call once it is in one of `states`."""

        def look() -> dict[str, Any] | None:
            call = self.ask("trace", str(call_id))["call"]
            return call if call["state"] in states else None

        return wait_for(f"call {call_id} {states}", look, within_s=PATIENCE_S)


def shell_for(
    server: ServerUnderTest,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    """A shell in `folder` that asks `server` as its first user."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CALLWRIGHT_SERVER_URL", server.url)
    monkeypatch.setenv("CALLWRIGHT_USER", server.user)
    monkeypatch.setenv("CALLWRIGHT_KEY", server.key)
    return Shell(folder, capsys)


def number_in(text: str, what: str = "call") -> int:
    """The id that a command told."""
    found = re.search(rf"{what} (\d+)", text)
    assert found, text
    return int(found[1])
