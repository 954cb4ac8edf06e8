"""A progress bar on stderr, for a person; nothing at all where stderr is no terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Tells a bar how far it is."""

    def __call__(self, done: float, text: str = "") -> None:
        """`done` of the total; `text` in place of the first one unless empty."""
        ...


@contextmanager
def progress_bar(text: str, total: float, *, in_bytes: bool = False) -> Iterator[Advance]:
    """A bar with `text` before it, to be told how far it is, from 0 to `total`."""
    if not sys.stderr.isatty():
        yield lambda done, text="": None
        return
    # late: most runs of most commands draw nothing
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    amount = DownloadColumn(binary_units=True) if in_bytes else TaskProgressColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total or 1)

        def advance(done: float, text: str = "") -> None:
            bar.update(task, completed=min(done, total), description=text or None)

        yield advance
