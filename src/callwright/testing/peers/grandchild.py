"""Processes that a child of ours started: to watch and to end them when it cannot any more."""

import contextlib
import os
import select
import signal
from pathlib import Path


class Grandchild:
    """A process held by a pidfd, so that a pid that was given anew is never signalled."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._fd = os.pidfd_open(pid)

    @property
    def is_alive(self) -> bool:
        """A zombie is not."""
        return self._fd >= 0 and not self.wait(0.0)

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended within that time."""
        if self._fd < 0:
            return True
        ended, _, _ = select.select([self._fd], [], [], timeout_s)
        return bool(ended)

    def signal(self, number: int) -> None:
        """Send a signal; nothing happens when it has ended."""
        if self.is_alive:
            signal.pidfd_send_signal(self._fd, number)

    def close(self) -> None:
        """Let go of it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def children_of(pid: int) -> list[Grandchild]:
    """The processes that `pid` has started and that still run."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        # A thread or a child may end while we look.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            children = (task / "children").read_text("ascii").split()
            found += [Grandchild(int(child)) for child in children]
    return found
