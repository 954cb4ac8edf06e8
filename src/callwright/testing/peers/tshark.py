"""tshark as the eye on the wire: a capture on the loopback device, and fields read from it."""

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from callwright.testing.peers.child import Child
from callwright.testing.peers.waiting import wait_for
from callwright.testing.programs import require

LONGEST_CAPTURE_S = 300
READ_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Capture:
    """Packets in a file. Read it after the capture's block has ended."""

    file: Path

    def fields(
        self, show: str, names: Sequence[str], *, decode_as: Sequence[str] = ()
    ) -> list[list[str]]:
        """The named fields of every packet that the display filter `show` lets through."""
        command = [require("tshark"), "-n", "-r", str(self.file), "-Y", show, "-T", "fields"]
        command += ["-E", "separator=/t", "-E", "occurrence=f"]
        for name in names:
            command += ["-e", name]
        for rule in decode_as:
            command += ["-d", rule]
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=READ_WITHIN_S, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return [line.split("\t") for line in ended.stdout.splitlines()]


@contextmanager
def capturing(folder: Path, capture_filter: str, *, name: str = "capture") -> Iterator[Capture]:
    """Capture on loopback from the start of the block to its end.

    Skips the test where capturing is not allowed.
    """
    file = folder / f"{name}.pcapng"
    command = [require("tshark"), "-n", "-q", "-i", "lo", "-f", capture_filter, "-w", str(file)]
    command += ["-a", f"duration:{LONGEST_CAPTURE_S}"]
    with Child(command, folder=folder, name=name) as child:
        wait_for(
            "capture",
            lambda: _begun(child),
            within_s=20,
            on_failure=child.last_words,
        )
        yield Capture(file)
        # dumpcap hands packets on in batches: it must be asked to end, not made to.
        child.end(signal.SIGINT, within_s=20)


def _begun(child: Child) -> bool | None:
    said = child.err.read_text("utf-8", "replace")
    if not child.is_running:
        if "permission" in said.lower() or "couldn't run" in said.lower():
            pytest.skip(
                "tshark may not capture here: run as root, or dpkg-reconfigure wireshark-common"
            )
        raise AssertionError(f"tshark ended early\n{said}")
    return "Capture started" in said or None
