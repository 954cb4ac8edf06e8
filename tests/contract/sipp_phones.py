"""SIPp as the phones of `tests/peers/uas_by_number.xml`, for tests of the line."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from callwright.testing.programs import require

PATIENCE_S = 5.0
SCENARIOS = Path(__file__).parent.parent / "peers"


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Phones:
    """A running SIPp. What it saw and said is in its message log."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log

    @property
    def address(self) -> str:
        return f"sip:127.0.0.1:{self.port};transport=udp"

    def received(self, call_id: str, last: str = "", count: int = 1) -> list[str]:
        """What it heard in one call: the messages' first words, in order, without any 100.

        Waits for the message that should come `last`, and for `count` of any: our end is done
        when it is sent, and SIPp has yet to read it and write its log.
        """
        deadline = time.monotonic() + PATIENCE_S
        words = self._received(call_id)
        while last and (last not in words or len(words) < count) and time.monotonic() < deadline:
            time.sleep(0.01)
            words = self._received(call_id)
        return words

    def _received(self, call_id: str) -> list[str]:
        return [
            message.split(" ")[0]
            for way, message in self._messages()
            if way == "received" and call_id in message and not message.startswith("SIP/2.0 100")
        ]

    def heard(self, method: str, call_id: str) -> str:
        """The first message of that method in one call, whole."""
        return next(
            message
            for way, message in self._messages()
            if way == "received" and call_id in message and message.startswith(method)
        )

    def _messages(self) -> Iterator[tuple[str, str]]:
        text = self._log.read_text(errors="replace")
        for part in re.split(r"^-{10,}.*\n", text, flags=re.M)[1:]:
            head, _, message = part.partition("\n\n")
            yield "received" if "received" in head else "sent", message


@contextmanager
def sipp_phones(
    folder: Path, scenario: str = "uas_by_number.xml", *options: str
) -> Iterator[Phones]:
    """SIPp answering on a free port for as long as the block lasts."""
    port = free_udp_port()
    log = folder / "sipp_messages.log"
    command = [
        require("sipp"), "-sf", str(SCENARIOS / scenario), "-i", "127.0.0.1", "-p", str(port),
        "-mi", "127.0.0.1", "-mp", str(free_udp_port()), "-rtp_echo", "-nostdin", "-nd",
        "-trace_msg", "-message_file", str(log), *options, "127.0.0.1",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_bound(
            port, process, socket.SOCK_STREAM if "t1" in options else socket.SOCK_DGRAM
        )
        yield Phones(port, log)
    finally:
        process.kill()
        process.wait(5)


def _wait_until_bound(port: int, process: subprocess.Popen[bytes], kind: socket.SocketKind) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"sipp ended at once with {process.returncode}")
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return
        time.sleep(0.02)
    raise AssertionError("sipp did not come up")
