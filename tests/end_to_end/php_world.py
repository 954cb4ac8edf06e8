"""A whole server with SIPp as its trunk, for programs that queue calls on it with PHP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from callwright.testing.peers.api import Reply
from callwright.testing.peers.flows import waits
from callwright.testing.peers.php import Dumped, run_sample
from callwright.testing.peers.rtp_listener import RtpListener, keys_in, rtp_listener
from callwright.testing.peers.server import ServerUnderTest, server_folder, trunk
from callwright.testing.peers.sink import CallbackSink, callback_sink
from callwright.testing.peers.sip_log import SipCall, by_number
from callwright.testing.peers.sipp import Sipp, running_sipp
from callwright.testing.peers.sound import wav
from callwright.testing.peers.waiting import wait_for

PEERS = Path(__file__).parents[1] / "peers"
ANSWERED = ("queued", "dialing", "connected", "disconnected")

SURVEY = """\
callwright: 1
survey: peers
variables: {first_name: there}
questions:
  - id: again
    ask: {play: beep.wav}
    choices: {1: "Yes", 2: "No"}
    timeout: 500ms
    tries: 1
    optional: yes
"""


@dataclass(frozen=True)
class World:
    folder: Path
    server: ServerUnderTest
    sipp: Sipp
    sink: CallbackSink
    rtp: RtpListener
    application: str
    survey: str

    def php(self, name: str, **variables: object) -> Dumped:
        """Run one of our own programs."""
        _, application, deployment = self.application.split("/")
        _, survey, instance = self.survey.split("/")
        told = {
            "CALLWRIGHT_URL": self.server.url,
            "CALLWRIGHT_USER": self.server.user,
            "CALLWRIGHT_KEY": self.server.key,
            "APPLICATION_ID": application,
            "DEPLOYMENT_ID": deployment,
            "SURVEY_ID": survey,
            "INSTANCE_ID": instance,
            **{key: str(value) for key, value in variables.items()},
        }
        return run_sample(PEERS / "php" / f"{name}.php", extra=told)

    def csv(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        return file

    def leg(self, number: str, within_s: float = 15) -> SipCall:
        """The only leg to a number, once it is over."""

        def ended() -> SipCall | None:
            legs = by_number(self.sipp.calls()).get(number, [])
            return legs[0] if legs and legs[0].received("BYE") else None

        leg = wait_for(f"ended call to {number}", ended, within_s=within_s)
        assert len(by_number(self.sipp.calls())[number]) == 1
        return leg

    def digits(self, leg: SipCall) -> str:
        """The keys sent in a leg, each of them a proper RFC 4733 event."""
        offered = next(
            line.split()[1] for line in leg.invites[0].body.split("\n") if line.startswith("m=")
        )
        start, end = leg.invites[0].at, leg.received("BYE")[-1].at + 0.5
        packets = [
            packet
            for stream in self.rtp.streams().values()
            for packet in stream
            if packet.source[1] == int(offered) and start <= packet.at <= end
        ]
        keys = keys_in(packets)
        for key in keys:
            assert key.ms == pytest.approx(100, abs=20)
            assert key.end_packets == 3
        return "".join(key.digit for key in keys)

    def finished(self, call_id: int) -> Reply:
        """The status reply of a call that has come to its end."""

        def over() -> Reply | None:
            reply = self.server.api.status(call_id)
            status = reply.json()["call_details"]["status"]
            return reply if status in ("completed", "failed", "canceled", "rejected") else None

        return wait_for(f"end of call {call_id}", over, within_s=15)


@contextmanager
def php_world(folder: Path) -> Iterator[World]:
    """All of it, running, to the end of the block."""
    with (
        callback_sink() as sink,
        rtp_listener() as rtp,
        running_sipp(
            PEERS / "uas_calls.xml", folder, keys={"rtp_host": "127.0.0.1", "rtp_port": rtp.port}
        ) as sipp,
        server_folder(
            folder / "server",
            {"trunks.main": trunk(sipp.address), "callbacks": {"allow": ["127.0.0.0/8"]}},
        ) as server,
    ):
        (server.folder / "beep.wav").write_bytes(wav(np.zeros(800)))
        application = server.add_application("short", waits(0.5))
        survey = server.add_survey("peers", SURVEY, "--metadatabase", "first_name")
        server.start()
        yield World(folder, server, sipp, sink, rtp, application, survey)
        assert server.stop() == 0
