"""What the commands with a real server share: SIPp's scenario, broken servers, a folder."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from callwright.testing.programs import require

PEERS = Path(__file__).parents[1] / "tests" / "peers"
SCENARIO = PEERS / "uas_calls.xml"


def broken_program(name: str) -> tuple[str, ...]:
    """A server that breaks a promise on purpose."""
    return (sys.executable, str(PEERS / "broken_server.py"), name)


@contextmanager
def folder_for(name: str, keep: str | None = None) -> Iterator[Path]:
    """A folder for what the programs write, deleted afterwards unless it is to be kept."""
    require("sipp")
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as passing:
        folder = Path(keep) if keep else Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        yield folder


def watch_for(seconds: float, look: Callable[[], bool] = lambda: False) -> bool:
    """Whether something came about within that time, in which nothing else is waited for."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if look():
            return True
        time.sleep(0.05)
    return look()
