"""A child process that is never left behind, with what it says kept in files."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGTERM
from types import TracebackType
from typing import Self

END_WITHIN_S = 10.0


class Child:
    """A program from `with` to the end of it, whatever happens in between.

    `NAME.out` and `NAME.err` in `folder` hold what it wrote.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        name: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.out = folder / f"{name}.out"
        self.err = folder / f"{name}.err"
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder,
                env={**os.environ, **(environment or {})},
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal, to a process that is known to be this one."""
        self._process.send_signal(number)

    def wait(self, timeout_s: float = END_WITHIN_S) -> int:
        """Its exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        return self._process.wait(timeout_s)

    def end(self, number: int = SIGTERM, within_s: float = END_WITHIN_S) -> int:
        """Ask it to end, then make it; its exit code."""
        if self.is_running:
            self.signal(number)
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def last_words(self, lines: int = 30) -> str:
        """The ends of both its files, for the report of a test that failed."""
        said = []
        for path in (self.out, self.err):
            text = path.read_text("utf-8", "replace").splitlines()[-lines:]
            said.append("\n".join([f"--- {path.name}", *text]))
        return "\n".join(said)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()
