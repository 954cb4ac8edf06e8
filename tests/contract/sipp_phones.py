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


def free_udp_port(host: str = "127.0.0.1") -> int:
    with socket.socket(_family(host), socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class Phones:
    """A running SIPp. What it saw and said is in its message log."""

    def __init__(self, port: int, log: Path, host: str) -> None:
        self.port = port
        self._host = host
        self._log = log

    @property
    def address(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"sip:{host}:{self.port};transport=udp"

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
    folder: Path, scenario: str = "uas_by_number.xml", *options: str, host: str = "127.0.0.1"
) -> Iterator[Phones]:
    """SIPp answering on a free port for as long as the block lasts."""
    port = free_udp_port(host)
    log = folder / "sipp_messages.log"
    command = [
        require("sipp"), "-sf", str(SCENARIOS / scenario), "-i", host, "-p", str(port),
        "-mi", host, "-mp", str(free_udp_port(host)), "-rtp_echo", "-nostdin", "-nd",
        "-trace_msg", "-message_file", str(log), *options, host,
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        kind = socket.SOCK_STREAM if "t1" in options else socket.SOCK_DGRAM
        _wait_until_bound((host, port), process, kind)
        yield Phones(port, log, host)
    finally:
        process.kill()
        process.wait(5)


def _wait_until_bound(
    address: tuple[str, int], process: subprocess.Popen[bytes], kind: socket.SocketKind
) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"sipp ended at once with {process.returncode}")
        with socket.socket(_family(address[0]), kind) as probe:
            try:
                probe.bind(address)
            except OSError:
                return
        time.sleep(0.02)
    raise AssertionError("sipp did not come up")
