"""What is fuzzed: each reader of strangers' bytes, with what it may never do.

A target takes any bytes and says what came of them, in words that repeat for inputs that go
the same way. It raises where something is wrong: an exception that is no refusal, or a broken
promise about what was read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from callwright.dialects import by_product
from callwright.errors import RequestRefused


@dataclass(frozen=True, slots=True)
class Target:
    run: Callable[[bytes], str]
    seeds: Sequence[bytes]
    words: Sequence[bytes]
    """Pieces that mean something to the reader: noise alone seldom gets past the first."""


def promise(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def text_of(data: bytes) -> str:
    """Any text: half surrogate pairs too, which JSON escapes can make."""
    return data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace")


def lenient_text_of(data: bytes) -> str:
    try:
        return text_of(data)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def refusal_text(refusal: RequestRefused) -> str:
    """What the client is told, in both shapes."""
    for dialect in by_product.values():
        _, value = dialect.encode_error(refusal)
        for xml in (False, True):
            dialect.render(value, xml=xml)[0].decode()
    return str(refusal)
