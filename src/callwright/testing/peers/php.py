"""Programs for php-cli: those in the vendor's documents, and running any of them.

A user who moves here changes URL and credentials and nothing else; so does this.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from callwright.testing.programs import require

RUN_WITHIN_S = 30
_DUMPED = re.compile(
    rb'(?:string\((?P<length>\d+)\) "|int\((?P<number>-?\d+)\)\n|bool\((?P<bool>\w+)\)\n)'
)

LATE_CLOCK = """<?php
// PHP's clock, some seconds slow: what a program schedules for "+1 minutes" comes sooner.
function strtotime($text) {
    return (new DateTime($text))->getTimestamp() - %d;
}
"""


@dataclass(frozen=True, slots=True)
class Dumped:
    """What a program printed with its two `var_dump`s: the reply and the HTTP status."""

    reply: bytes
    status: int


def extract_php(document: str) -> str | None:
    """The PHP program inside one of the vendor's documents, to its last `var_dump`."""
    start = document.find("<?php")
    if start < 0:
        return None
    last = list(re.finditer(r"var_dump\(\$\w+\);", document))
    return document[start : last[-1].end()] + "\n" if last else None


def adapted(program: str, changes: Mapping[str, str]) -> str:
    """`program` with each text replaced; every one must be there.

    Raises:
        AssertionError: one of them does not occur.
    """
    for before, after in changes.items():
        assert before in program, f"{before!r} is not in the program"
        program = program.replace(before, after)
    return program


def run_php(program: Path, *, late_s: int = 0, extra: Mapping[str, str] | None = None) -> bytes:
    """What a program printed.

    `late_s` makes its `strtotime` so many seconds slow, so that what the vendor's samples
    schedule a minute ahead happens soon. `extra` goes into its environment.

    Raises:
        AssertionError: it failed; the text has what it said.
    """
    command = [require("php"), "-d", "display_errors=stderr", "-d", "html_errors=0"]
    if late_s:
        clock = program.with_suffix(".clock.php")
        clock.write_text(LATE_CLOCK % late_s, encoding="ascii")
        command += ["-d", "disable_functions=strtotime", "-d", f"auto_prepend_file={clock}"]
    ended = subprocess.run(
        [*command, str(program)],
        capture_output=True,
        cwd=program.parent,
        timeout=RUN_WITHIN_S,
        env={"PATH": "/usr/bin:/bin", **(extra or {})},
        check=False,
    )
    said = ended.stderr.decode("utf-8", "replace").strip()
    assert ended.returncode == 0, f"PHP ended with {ended.returncode}\n{said}"
    assert not said, said
    return ended.stdout


def read_dumps(printed: bytes) -> list[bytes | int | bool]:
    """The values of `var_dump`s of strings, integers and booleans, one after the other."""
    values: list[bytes | int | bool] = []
    at = 0
    while at < len(printed):
        found = _DUMPED.match(printed, at)
        assert found, f"no var_dump at {printed[at : at + 80]!r}"
        at = found.end()
        if found["length"] is not None:
            length = int(found["length"])
            values.append(printed[at : at + length])
            assert printed[at + length : at + length + 2] == b'"\n', "a var_dump that is cut"
            at += length + 2
        elif found["number"] is not None:
            values.append(int(found["number"]))
        else:
            values.append(found["bool"] == b"true")
    return values


def run_sample(program: Path, *, late_s: int = 0, extra: Mapping[str, str] | None = None) -> Dumped:
    """Run a program that ends with `var_dump` of the reply and of the HTTP status."""
    values = read_dumps(run_php(program, late_s=late_s, extra=extra))
    assert len(values) == 2, f"two values were to be dumped, not {values!r}"
    reply, status = values
    assert isinstance(reply, bytes), f"curl failed: {values!r}"
    assert isinstance(status, int)
    return Dumped(reply=reply, status=status)
