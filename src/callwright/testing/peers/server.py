"""A whole callwright server as its users run it: a folder, `init`, `serve`, signals."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import callwright
from callwright.testing.peers.api import Api
from callwright.testing.peers.child import Child
from callwright.testing.peers.grandchild import Grandchild, children_of
from callwright.testing.peers.waiting import wait_for

# Also where the package is only on a relative PYTHONPATH.
ENVIRONMENT = {"PYTHONPATH": str(Path(callwright.__file__).parents[1])}
PROGRAM = (sys.executable, "-m", "callwright")
READY_WITHIN_S = 120.0
COMMAND_WITHIN_S = 60
LINES_END_WITHIN_S = 15.0
STOP_WITHIN_S = 25.0
PATIENCE_S = 5.0
"""A second SIGTERM that meets a server on its way out would end it as a bare signal does."""
_READY = re.compile(r"^ready (http://\S+)$", re.MULTILINE)

Value = str | int | float | bool | list[str]


@dataclass
class ServerUnderTest:
    """A server's folder, and the server while it runs. One per folder."""

    folder: Path
    program: Sequence[str] = PROGRAM
    user: str = ""
    key: str = ""
    application: str = ""
    """`apps/ID/ID` of the sample application, as in paths."""
    survey: str = ""
    url: str = ""
    starts: int = 0
    _child: Child | None = None
    start_took_s: float = 0.0
    """From the latest start to its word that it is ready."""
    _launched_at: float = 0.0
    _said_before: int = 0
    """What it had said when the latest start began, in characters."""
    _lines: list[Grandchild] = field(default_factory=list)
    """Of the latest start that was ready, or was killed before."""
    _older_lines: list[Grandchild] = field(default_factory=list)

    def run(self, *arguments: str) -> dict[str, Any]:
        """The JSON object that a command printed.

        Raises:
            AssertionError: it failed; the text has what it said.
        """
        ended = subprocess.run(
            [*PROGRAM, *arguments, "--json"],
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=COMMAND_WITHIN_S,
            env={**os.environ, **ENVIRONMENT},
            check=False,
        )
        assert ended.returncode == 0, f"{arguments}: {ended.returncode}\n{ended.stderr}"
        return dict(json.loads(ended.stdout))

    def init(self) -> None:
        """Make settings, store, user and samples."""
        made = self.run("init")
        self.user, self.key = made["user"], made["developer_key"]
        self.application = f"apps/{made['application_id']}/{made['deployment_id']}"
        self.survey = f"surveys/{made['survey_id']}/{made['instance_id']}"

    def configure(self, sections: Mapping[str, Mapping[str, Value]]) -> None:
        """Replace the settings file; the API gets a free port if nothing else is said."""
        whole = {"server": {"listen": "127.0.0.1:0"}, **sections}
        lines = []
        for section, values in whole.items():
            lines.append(f"[{section}]")
            lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        (self.folder / "callwright.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def add_application(self, name: str, flow: str) -> str:
        """Add and deploy a flow; `apps/ID/ID`."""
        file = self.folder / f"{name}.yaml"
        file.write_text(flow, encoding="utf-8")
        added = self.run("app", "add", name, "--flow", str(file))["application_id"]
        deployed = self.run("app", "deploy", str(added))
        return f"apps/{added}/{deployed['deployment_id']}"

    def add_survey(self, name: str, survey: str, *options: str) -> str:
        """Add and deploy a survey; `surveys/ID/ID`."""
        file = self.folder / f"{name}.yaml"
        file.write_text(survey, encoding="utf-8")
        added = self.run("survey", "add", str(file), *options)["survey_id"]
        deployed = self.run("survey", "deploy", str(added))
        return f"surveys/{added}/{deployed['instance_id']}"

    @property
    def api(self) -> Api:
        return self.api_at(self.url)

    def api_at(self, url: str) -> Api:
        """A client for an address that the server has while it runs."""
        return Api(url, self.user, self.key)

    @property
    def brain_pid(self) -> int:
        return self._running().pid

    def log(self) -> str:
        """What every start of it wrote to standard error."""
        path = self.folder / "serve.err"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def start(self, *options: str) -> None:
        """Start `serve` and wait until it answers requests."""
        self.launch(*options)
        self.wait_until_ready()

    def launch(self, *options: str) -> None:
        """Start `serve`, and wait for nothing."""
        lines, self._lines, self._older_lines = self._older_lines + self._lines, [], []
        for line in lines:
            if line.is_alive:
                self._older_lines.append(line)
            else:
                line.close()
        self._said_before = len(self._said())
        command = [*self.program, "serve", "--config", "callwright.toml", *options]
        self._child = Child(command, folder=self.folder, name="serve", environment=ENVIRONMENT)
        self.starts += 1
        self._launched_at = time.monotonic()

    def wait_until_ready(self) -> None:
        """Until what was launched answers requests."""
        child = self._running()

        def ready() -> str | None:
            assert child.is_running, f"serve ended with {child.wait()}"
            found = _READY.search(self._said(), self._said_before)
            return found[1] if found else None

        try:
            self.url = wait_for("`ready`", ready, within_s=READY_WITHIN_S)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{child.last_words()}") from None
        self.start_took_s = time.monotonic() - self._launched_at
        self._lines = children_of(child.pid)

    def kill(self, *, lines_too: bool = False) -> None:
        """SIGKILL, to the brain alone or to its line processes in the same moment."""
        child = self._running()
        if not self._lines:
            # Killed before it was ready: it may have lines all the same, and starts no more.
            child.signal(signal.SIGSTOP)
            self._lines = children_of(child.pid)
        if lines_too:
            # Stopped first: none of them may notice the death of another.
            for line in self._lines:
                line.signal(signal.SIGSTOP)
        child.signal(signal.SIGKILL)
        if lines_too:
            for line in self._lines:
                line.signal(signal.SIGKILL)
        child.wait()
        self._child = None

    def lines_alive(self) -> list[int]:
        """Process ids of lines of the latest start that are still there."""
        return [line.pid for line in self._lines if line.is_alive]

    def stop(self, *, grace_s: float = PATIENCE_S) -> int:
        """SIGTERM, and after `grace_s` a second one, which cuts what is left; the exit code."""
        child = self._running()
        child.signal(signal.SIGTERM)
        try:
            code = child.wait(grace_s)
        except subprocess.TimeoutExpired:
            code = child.end(signal.SIGTERM, within_s=STOP_WITHIN_S)
        self._child = None
        return code

    def clean_up(self) -> None:
        """End whatever still runs: the server, and lines whose brain was killed."""
        if self._child is not None:
            self._child.end(within_s=3.0)
            self._child = None
        for line in self._older_lines + self._lines:
            if not line.wait(LINES_END_WITHIN_S):
                line.signal(signal.SIGKILL)
            line.close()
        self._older_lines, self._lines = [], []

    def _running(self) -> Child:
        assert self._child is not None, "the server does not run"
        return self._child

    def _said(self) -> str:
        path = self.folder / "serve.out"
        return path.read_text("utf-8", "replace") if path.exists() else ""


@contextmanager
def server_folder(
    folder: Path,
    sections: Mapping[str, Mapping[str, Value]],
    *,
    program: Sequence[str] = PROGRAM,
) -> Iterator[ServerUnderTest]:
    """A server that is set up with these settings and not yet started; ended at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    server = ServerUnderTest(folder=folder, program=program)
    try:
        server.init()
        server.configure(sections)
        yield server
    finally:
        server.clean_up()


def trunk(address: str, **settings: Value) -> dict[str, Value]:
    """A SIP trunk's section, fast unless `settings` say otherwise."""
    return {
        "driver": "sip",
        "address": address,
        "calls_per_second": 100,
        "max_calls": 400,
        "ring_timeout": "20s",
        **settings,
    }
