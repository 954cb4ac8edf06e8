"""A plain mutation fuzzer with a seed, for where the coverage-guided one is not installed.

It keeps what made its target say something new: those words, without what varies in them, stand
in for coverage.
"""

import random
import re
from collections.abc import Iterator

from fuzz_targets import Target

MOST_BYTES = 4096
MOST_KEPT = 2000
_VARIES = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9]+")


class Mutator:
    """An endless supply of inputs."""

    def __init__(self, target: Target, seed: int) -> None:
        self._target = target
        self._chance = random.Random(seed)
        self._kept = [bytes(seed_input) for seed_input in target.seeds]
        self._known: set[str] = set()

    def __len__(self) -> int:
        return len(self._kept)

    def inputs(self) -> Iterator[bytes]:
        yield from self._target.seeds
        while True:
            data = bytearray(self._chance.choice(self._kept))
            for _ in range(1 + int(self._chance.expovariate(0.4))):
                self._mutate(data)
            yield bytes(data[:MOST_BYTES])

    def learn(self, data: bytes, said: str) -> None:
        """`said` is what came of `data`; keep it if that is new."""
        said = _VARIES.sub("", said)
        if said not in self._known and len(self._kept) < MOST_KEPT:
            self._known.add(said)
            self._kept.append(data)

    def _mutate(self, data: bytearray) -> None:
        chance = self._chance
        at = chance.randint(0, len(data))
        end = min(len(data), at + 1 + int(chance.expovariate(0.1)))
        match chance.randrange(9):
            case 0:
                data[at:at] = chance.choice(self._target.words)
            case 1:
                data[at:end] = chance.choice(self._target.words)
            case 2:
                del data[at:end]
            case 3:
                data[at:at] = data[at:end]
            case 4:
                data[at:at] = chance.choice(self._target.words) * chance.randint(2, 40)
            case 5:
                other = chance.choice(self._kept)
                cut = chance.randint(0, len(other))
                data[at:] = other[cut:]
            case 6:
                data[at:at] = chance.randbytes(chance.randint(1, 8))
            case 7 if data:
                data[at % len(data)] ^= 1 << chance.randrange(8)
            case _ if data:
                data[at % len(data)] = chance.randrange(256)
