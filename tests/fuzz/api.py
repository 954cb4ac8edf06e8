"""Fuzz the whole API by its document, in every phase that schemathesis has, for so long.

    python tests/fuzz/api.py [--part native|dialects] [--examples N] [--seconds S] [--seed N]

Starts a server of its own on a free port, with nothing behind it that dials. Ends with 1 if
some reply was a 5xx or is not in the document; what schemathesis says then goes to stderr.
Prints a line of JSON for each part. The suite runs the first two phases
(tests/end_to_end/test_native_document.py); this is for the other two, which take long.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

MOST_CHARS = 1000
TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "end_to_end"), str(TESTS.parent / "src")]

from api_fuzzer import PARTS, fuzz  # noqa: E402
from native_world import native_world  # noqa: E402


async def fuzz_part(part: str, folder: Path, given: argparse.Namespace) -> bool:
    """Whether a server withstood it."""
    began = time.monotonic()
    options = ["--phases", "examples,coverage,fuzzing,stateful", "--seed", str(given.seed)]
    options += ["--max-examples", str(given.examples), "--max-time", str(given.seconds)]
    async with native_world(folder) as world:
        code, told = await fuzz(world, folder, part, *options)
    if code:
        sys.stderr.writelines(f"{line[:MOST_CHARS]}\n" for line in told.splitlines())
    figures = {
        "fuzz": f"api, {part}",
        "seed": given.seed,
        "seconds": round(time.monotonic() - began, 1),
        "passed": code == 0,
    }
    print(json.dumps(figures), flush=True)
    return code == 0


def main() -> int:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=sorted(PARTS), help="default: each in turn")
    parser.add_argument("--examples", type=int, default=100, help="of each operation, at most")
    parser.add_argument("--seconds", type=int, default=600, help="for each part, at most")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    good = True
    for part in [given.part] if given.part else PARTS:
        with tempfile.TemporaryDirectory() as folder:
            good = asyncio.run(fuzz_part(part, Path(folder), given)) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
