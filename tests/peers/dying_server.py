"""The server, which dies by SIGKILL when a call or a list is on disk and nobody was told.

It does so once, if there is a file `die` in its folder: `dying_server.py serve ...`.
"""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from callwright.cli.main import run
from callwright.store.sqlite import writer
from callwright.store.sqlite.handover import Waiting

DIE = Path("die")
QUEUEING = ("_queue.", "queue.", "go_live")
"""In the names of the works that queue a call or make a list live."""


def die_before_the_answer() -> None:
    hand_back = writer.hand_back

    def die(group: Sequence[Waiting]) -> None:
        names = [getattr(waiting.work, "__qualname__", "") for waiting in group]
        queued = any(word in name for word in QUEUEING for name in names)
        if queued and DIE.exists():
            DIE.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        hand_back(group)  # type: ignore[arg-type]

    writer.hand_back = die  # type: ignore[assignment]


if __name__ == "__main__":
    die_before_the_answer()
    run()
