"""Fuzz one reader, or each in turn, and count.

    python tests/fuzz/run.py [--target NAME] [--inputs N] [--seconds S] [--seed N] [--engine E]

Ends after so many inputs or seconds, whichever comes first, with 1 if some input raised what
is no refusal, broke a promise, or took more than 100 ms of processor time. Uses atheris where
it is installed (`pip install atheris`; it is too large to be asked of everybody), else its own
mutations. Prints a line of JSON for each reader; an input that failed goes to stderr.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "src")]

MOST_S = 0.1
MOST_KEPT_BYTES = 4096


class Count:
    """How far a run has come."""

    def __init__(self, name: str, engine: str, inputs: int, seconds: float) -> None:
        self._name = name
        self._engine = engine
        self._most = inputs
        self._began = time.monotonic()
        self._ends_at = self._began + seconds
        self.inputs = 0
        self.slowest_s = 0.0
        self.failed = ""

    def note(self, data: bytes, took_s: float) -> None:
        self.inputs += 1
        if took_s > self.slowest_s:
            self.slowest_s = took_s
            if took_s > MOST_S:
                self.fail(data, f"took {took_s * 1000:.0f} ms")

    def fail(self, data: bytes, why: str) -> None:
        self.failed = why
        sys.stderr.write(f"{self._name}: {why}\n{data!r}\n")

    @property
    def is_over(self) -> bool:
        # The clock is looked at now and then: it costs as much as a short input.
        if self.failed or self.inputs >= self._most:
            return True
        return self.inputs % 256 == 0 and time.monotonic() > self._ends_at

    def report(self) -> None:
        seconds = time.monotonic() - self._began
        print(
            json.dumps(
                {
                    "fuzz": self._name,
                    "engine": self._engine,
                    "inputs": self.inputs,
                    "seconds": round(seconds, 1),
                    "slowest_ms": round(self.slowest_s * 1000, 2),
                    "failed": self.failed,
                }
            ),
            flush=True,
        )


def run_once(run: Callable[[bytes], str], data: bytes, count: Count) -> str:
    """What came of one input; a failure is noted, not raised."""
    began = time.thread_time()
    try:
        said = run(data)
    except Exception as exc:
        count.inputs += 1
        count.fail(data, "".join(traceback.format_exception(exc)))
        return ""
    count.note(data, time.thread_time() - began)
    return said


def fuzz_by_mutation(name: str, inputs: int, seconds: float, seed: int) -> bool:
    from fuzz_all import TARGETS
    from fuzz_mutator import Mutator

    target, count = TARGETS[name], Count(name, "own", inputs, seconds)
    mutator = Mutator(target, seed)
    for data in mutator.inputs():
        mutator.learn(data, run_once(target.run, data, count))
        if count.is_over:
            break
    count.report()
    return not count.failed


def fuzz_by_coverage(name: str, inputs: int, seconds: float, seed: int) -> None:
    """Does not return: libFuzzer ends the process."""
    import atheris  # type: ignore[import-not-found]

    with atheris.instrument_imports(include=["callwright", "fuzz_requests", "fuzz_wire"]):
        from fuzz_all import TARGETS

    target, count = TARGETS[name], Count(name, "atheris", inputs, seconds)

    def one_input(data: bytes) -> None:
        run_once(target.run, data, count)
        if count.is_over:
            count.report()
            sys.stdout.flush()
            os._exit(1 if count.failed else 0)

    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, data in enumerate(target.seeds):
            (corpus / str(number)).write_bytes(data)
        words = Path(folder) / "words"
        quoted = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.words)
        words.write_text("".join(f'"{word}"\n' for word in quoted))
        flags = [f"-seed={seed}", f"-dict={words}", f"-max_len={MOST_KEPT_BYTES}"]
        flags += ["-verbosity=0", "-close_fd_mask=0", "-rss_limit_mb=0", "-timeout=20"]
        atheris.Setup([sys.argv[0], *flags, str(corpus)], one_input)
        atheris.Fuzz()


def main() -> int:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", help="one of tests/fuzz/fuzz_all.py's; default: each in turn")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many at most")
    parser.add_argument("--seconds", type=float, default=600.0, help="for how long at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("auto", "own", "atheris"), default="auto")
    given = parser.parse_args()
    if given.target is None:
        return fuzz_each()
    if given.engine == "atheris" or (given.engine == "auto" and find_spec("atheris")):
        fuzz_by_coverage(given.target, given.inputs, given.seconds, given.seed)
    return 0 if fuzz_by_mutation(given.target, given.inputs, given.seconds, given.seed) else 1


def fuzz_each() -> int:
    """Each in a process of its own: the coverage-guided engine takes its whole process along."""
    from fuzz_all import TARGETS

    command = [sys.executable, *sys.argv]
    codes = [subprocess.run([*command, "--target", name]).returncode for name in TARGETS]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
