"""One number after another through a function, on every processor, until somebody says stop.

Says on stderr how far it is. What was done counts, and whoever goes on later begins at the
first number that is left.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import active_children
from typing import TypeVar

T = TypeVar("T")

LINE_EVERY_S = 10.0
LISTENS_EVERY_S = 0.2
AHEAD = 2
"""Numbers that lie ready for each process, so that it never waits for the next."""


class Seeds:
    """`count` numbers from `first` on, and how far they are done."""

    def __init__(self, first: int, count: int) -> None:
        self.first = first
        self.count = count
        self.done = 0
        self.was_stopped = False
        """By a signal: some are left."""
        self._begun = first
        self._after = first + count
        self._under_way: set[int] = set()

    @property
    def first_left(self) -> int:
        """Every number below this one is done."""
        return min(self._under_way, default=self._begun)

    def run(self, run: Callable[[int], T], *, jobs: int, noun: str) -> Iterator[T]:
        """What `run`, in `jobs` other processes, returns for each number, as it comes.

        Ends early on SIGINT or SIGTERM, or when nobody takes any more of it.
        """
        told = _Told(noun)
        pool = ProcessPoolExecutor(jobs, initializer=_leave_signals_to_the_first)
        try:
            with self._listening_for_signals():
                told.begin(self, jobs)
                for seed, result in self._spread(run, pool, jobs):
                    self._under_way.discard(seed)
                    self.done += 1
                    told.tell(self)
                    yield result
        finally:
            # What is still under way is of no use to anybody, nor is waiting for it.
            for process in active_children():
                process.terminate()
            pool.shutdown(cancel_futures=True)

    def _spread(
        self, run: Callable[[int], T], pool: ProcessPoolExecutor, jobs: int
    ) -> Iterator[tuple[int, T]]:
        seeds: dict[Future[T], int] = {}
        while not self.was_stopped:
            while len(seeds) < jobs * AHEAD and self._begun < self._after:
                seeds[pool.submit(run, self._begun)] = self._begun
                self._under_way.add(self._begun)
                self._begun += 1
            if not seeds:
                return
            done, _ = wait(seeds, timeout=LISTENS_EVERY_S, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=seeds.__getitem__):
                seed = seeds.pop(future)
                try:
                    result = future.result()
                except Exception as exc:
                    exc.add_note(f"with the number {seed}")
                    raise
                yield seed, result

    @contextmanager
    def _listening_for_signals(self) -> Iterator[None]:
        def stop(*_: object) -> None:
            self.was_stopped = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Told:
    """Says how far it is, in a line now and then."""

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._began_s = self._told_s = time.monotonic()

    def begin(self, seeds: Seeds, jobs: int) -> None:
        _say(f"{seeds.count} {self._noun} from number {seeds.first} on, {jobs} at a time")

    def tell(self, seeds: Seeds) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s < LINE_EVERY_S:
            return
        self._told_s = now_s
        a_second = seeds.done / (now_s - self._began_s)
        left_min = (seeds.count - seeds.done) / a_second / 60
        _say(
            f"{seeds.done} of {seeds.count} {self._noun}, {a_second:.1f} a second, "
            f"about {left_min:.0f} min left; all below {seeds.first_left} are done"
        )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _leave_signals_to_the_first() -> None:
    """A terminal sends Ctrl-C to every process; what it means is decided by the first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
