"""The witness of the callback stresses: `_sink.py` as a child, and what it wrote down."""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callwright.testing.peers.child import Child
from callwright.testing.peers.waiting import wait_for

PROGRAM = Path(__file__).with_name("_sink.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkProcess:
    """A sink that listens."""

    port: int
    good: Sequence[str]
    hanging: Sequence[str]
    forbidden: Sequence[str]
    log: Path

    def seen(self, kind: str = "request") -> list[dict[str, Any]]:
        """What it wrote down so far, in order."""
        if not self.log.exists():
            return []
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [entry for entry in map(json.loads, lines) if entry["kind"] == kind]


@contextmanager
def sink_process(
    *,
    good: int = 0,
    hanging: int = 0,
    forbidden: Sequence[str] = (),
    fail: float = 0.0,
    seed: int = 1,
) -> Iterator[SinkProcess]:
    """A sink of its own process, to the end of the block."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "seen.jsonl"
        command = [sys.executable, str(PROGRAM), str(log), "--fail", str(fail), "--seed", str(seed)]
        command += ["--good", str(good), "--hanging", str(hanging), "--forbidden", *forbidden]
        with Child(command, folder=folder, name="sink") as child:
            said = wait_for("sink", lambda: child.out.read_text().partition("\n")[0], within_s=30)
            told = json.loads(said)
            yield SinkProcess(
                port=told["port"],
                good=told.get("good", []),
                hanging=told.get("hanging", []),
                forbidden=told.get("forbidden", []),
                log=log,
            )
