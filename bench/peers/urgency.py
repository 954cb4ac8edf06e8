"""How urgent a bench is: its nice, for the sessions that it is made of as well."""

import os
from contextlib import suppress
from pathlib import Path


def as_urgent_as_we_are(pid: int | None) -> None:
    """Let a line, which is a session of its own, be scheduled as our nice says.

    Linux may give each session its own share, whatever the nice of what is in it: autogroup in
    sched(7). Ours is set as well.
    """
    for process in ("self", pid):
        with suppress(OSError):
            Path(f"/proc/{process}/autogroup").write_text(str(os.nice(0)))
