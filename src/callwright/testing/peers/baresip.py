"""baresip as the phone: it answers by itself, repeats what it hears, and keys when told.

Its loudspeaker is bridged to its microphone, so the audio it sends is what came out of
its own jitter buffer and decoder: whoever listens to it on the wire hears what it heard.
"""

import json
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from callwright.testing.peers.child import Child
from callwright.testing.peers.free_ports import free_sip_port, free_tcp_port, free_udp_port
from callwright.testing.peers.waiting import wait_for

LONGEST_RUN_S = 300
ANSWERS_WITHIN_S = 5.0
MODULES = Path("/usr/lib/baresip/modules")
_PACKETS = re.compile(r"^packets:\s+(\d+)\s+(\d+)", re.MULTILINE)

_CONFIG = """\
module_path {modules}
sip_listen 127.0.0.1:{sip_port}
net_interface 127.0.0.1
audio_player aubridge,heard
audio_source aubridge,heard
audio_alert aubridge,bell
ausrc_srate 8000
auplay_srate 8000
rtp_stats yes
rtp_ports {rtp_port}-{last_rtp_port}
ctrl_tcp_listen 127.0.0.1:{control_port}
module g711.so
module aubridge.so
module srtp.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What baresip counted in a call that is over."""

    sent: int
    received: int


@dataclass(frozen=True, slots=True)
class Baresip:
    """A phone that is ready for calls to `number`."""

    child: Child
    number: str
    sip_port: int
    rtp_port: int
    control_port: int

    @property
    def address(self) -> str:
        """For `trunks.NAME.address`."""
        return f"sip:127.0.0.1:{self.sip_port};transport=udp"

    def said(self) -> str:
        return self.child.out.read_text("utf-8", "replace")

    def key(self, digit: str) -> None:
        """Press a key of the call it is in."""
        self.command("sndcode", digit)

    def command(self, name: str, parameters: str = "") -> str:
        """What baresip answered.

        Raises:
            AssertionError: it refused.
        """
        text = json.dumps({"command": name, "params": parameters, "token": "peers"}).encode()
        control = ("127.0.0.1", self.control_port)
        with socket.create_connection(control, ANSWERS_WITHIN_S) as sock:
            sock.sendall(b"%d:%s," % (len(text), text))
            stream = _Netstrings(sock)
            answer = json.loads(stream.read())
            while not answer.get("response"):
                # It tells everybody who is connected of every event, too.
                answer = json.loads(stream.read())
        assert answer.get("ok"), f"baresip refused {name} {parameters}: {answer}"
        return str(answer.get("data", ""))

    def statistics(self) -> list[Statistics]:
        """One for each call that is over."""
        return [
            Statistics(sent=int(found[1]), received=int(found[2]))
            for found in _PACKETS.finditer(self.said())
        ]


@contextmanager
def running_baresip(folder: Path, number: str, *, srtp: str = "") -> Iterator[Baresip]:
    """A phone with that number (`+` and digits) to the end of the block.

    `srtp` is baresip's own word for what it does about sealed audio: `srtp` takes it, and
    `srtp-mand` takes nothing else; "" = it has none.
    """
    settings = folder / "baresip"
    settings.mkdir()
    sip_port, rtp_port, control_port = free_sip_port(), free_udp_port(), free_tcp_port()
    (settings / "config").write_text(
        _CONFIG.format(
            modules=MODULES,
            sip_port=sip_port,
            rtp_port=rtp_port,
            last_rtp_port=rtp_port + 1,
            control_port=control_port,
        ),
        encoding="ascii",
    )
    account = f"<sip:{number}@127.0.0.1;transport=udp>;regint=0;answermode=auto;audio_codecs=pcmu"
    account += f";mediaenc={srtp}\n" if srtp else "\n"
    (settings / "accounts").write_text(account, encoding="ascii")
    (settings / "contacts").write_text("", encoding="ascii")
    command = [shutil.which("baresip") or "baresip", "-f", str(settings)]
    command += ["-t", str(LONGEST_RUN_S)]
    with Child(command, folder=folder, name="phone") as child:
        phone = Baresip(child, number, sip_port, rtp_port, control_port)
        wait_for(
            "baresip",
            lambda: "baresip is ready" in phone.said(),
            within_s=15,
            on_failure=child.last_words,
        )
        yield phone


class _Netstrings:
    """What arrives on a control connection, message by message."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._data = b""

    def read(self) -> bytes:
        while b":" not in self._data:
            self._data += _some(self._sock)
        length, _, rest = self._data.partition(b":")
        end = int(length) + 1  # a comma ends it
        while len(rest) < end:
            rest += _some(self._sock)
        self._data = rest[end:]
        return rest[: end - 1]


def _some(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    if not data:
        raise AssertionError("baresip closed its control connection")
    return data
