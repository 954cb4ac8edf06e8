"""A whole server dials SIPp, which answers by number: the right outcome on every wire.

Judged by SIPp's trace and by the callbacks that arrive, never by what the server logs.
"""

import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from callwright.testing.peers.details import Expected, event_times, fuse_bytes
from callwright.testing.peers.flows import waits
from callwright.testing.peers.server import ServerUnderTest, server_folder, trunk
from callwright.testing.peers.sink import CallbackSink, callback_sink
from callwright.testing.peers.sip_log import SipCall, by_number
from callwright.testing.peers.sipp import Sipp, running_sipp
from callwright.testing.peers.waiting import wait_for
from callwright.testing.programs import require

require("sipp")

SCENARIO = Path(__file__).parents[1] / "peers" / "uas_calls.xml"
RING_TIMEOUT_S = 2
TALK_S = 0.4
ANSWERED = ("queued", "dialing", "connected", "disconnected")
FAILED = ("queued", "dialing", "failed")
LOCAL = {"allow": ["127.0.0.0/8"]}


@dataclass(frozen=True)
class World:
    server: ServerUnderTest
    sipp: Sipp
    sink: CallbackSink
    application: str

    def call(self, number: str, **fields: object) -> int:
        """Queue one; its callback comes to a path of its own."""
        url = self.sink.url(f"/{number[-4:]}")
        reply = self.server.api.queue(
            self.application, phone_number=number, result_url=url, **fields
        )
        assert reply.status == 200, reply
        return int(reply.json()["call_id"])

    def told(self, number: str, within_s: float = 15) -> bytes:
        """The body of its only callback."""
        path = f"/{number[-4:]}"
        self.sink.wait(1, path=path, within_s=within_s)
        (callback,) = self.sink.delivered(path)
        return callback.body

    def legs(self, number: str) -> list[SipCall]:
        return by_number(self.sipp.calls()).get(f"+1{number}", [])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("outcomes")
    with (
        callback_sink() as sink,
        running_sipp(
            SCENARIO,
            folder,
            keys={"rtp_host": "127.0.0.1", "rtp_port": 9},
            variables={"user": "dialer", "password": "s3cret"},
        ) as sipp,
        server_folder(
            folder / "server",
            {
                "trunks.main": trunk(
                    sipp.address,
                    user="dialer",
                    password="s3cret",
                    ring_timeout=f"{RING_TIMEOUT_S}s",
                    caller_id="+16175550001",
                ),
                "callbacks": LOCAL,
            },
        ) as server,
    ):
        application = server.add_application("short", waits(TALK_S))
        server.start()
        yield World(server, sipp, sink, application)
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("number", "code", "status", "events"),
    [
        ("6175550100", 200, "completed", ANSWERED),
        ("6175550159", 200, "completed", ANSWERED),
        ("6175550180", 200, "completed", ANSWERED),
        ("6175550150", 486, "failed", FAILED),
        ("6175550160", 486, "failed", FAILED),
        ("6175550152", 603, "failed", FAILED),
        ("6175550153", 404, "failed", FAILED),
        ("6175550155", 480, "failed", FAILED),
        ("6175550156", 403, "failed", FAILED),
        ("6175550151", 487, "failed", FAILED),
        ("6175550157", 200, "completed", ANSWERED),
        ("6175550158", 200, "completed", ANSWERED),
    ],
)
def test_each_answer_of_the_trunk_becomes_its_documented_result(
    world: World, number: str, code: int, status: str, events: tuple[str, ...]
) -> None:
    call_id = world.call(number)
    body = world.told(number)
    reply = world.server.api.status(call_id)
    expected = fuse_bytes(
        Expected(number=number, status=status, events=events), reply.json()["call_details"]
    )
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.body == b'{"call_details":' + expected + b"}"
    assert body == expected
    (leg,) = world.legs(number)
    assert leg.final_status == code
    assert leg.attempt == (call_id, 1)
    assert len({invite.branch for invite in leg.invites}) == len(leg.invites)
    assert leg.received("ACK")


def test_the_times_told_are_those_of_the_wire(world: World) -> None:
    number = "6175550101"
    queued_at = time.time()
    world.call(number)
    events = dict(event_times(world.told(number)))
    (leg,) = world.legs(number)
    (answer,) = leg.sent(200)
    (bye,) = leg.received("BYE")
    assert abs(events["queued"] - queued_at) <= 1.5
    assert abs(events["dialing"] - leg.invites[0].at) <= 1.5
    assert abs(events["connected"] - answer.at) <= 1.5
    assert abs(events["disconnected"] - bye.at) <= 1.5
    assert TALK_S <= bye.at - answer.at <= TALK_S + 1.0


def test_a_call_that_rings_too_long_is_cancelled(world: World) -> None:
    number = "6175550171"
    world.call(number)
    world.told(number)
    (leg,) = world.legs(number)
    (cancel,) = leg.received("CANCEL")
    invite = leg.invites[0]
    assert cancel.branch == invite.branch
    assert RING_TIMEOUT_S - 0.2 <= cancel.at - invite.at <= RING_TIMEOUT_S + 1.0
    assert leg.final_status == 487
    assert not leg.received("BYE")


def test_a_callee_who_hangs_up_first_ends_the_call(world: World) -> None:
    application = world.server.add_application("patient", waits(20))
    number, url = "6175550181", world.sink.url("/0181")
    world.server.api.queue(application, phone_number=number, result_url=url)
    times = event_times(world.told(number))
    (leg,) = world.legs(number)
    assert [event for event, _ in times] == list(ANSWERED)
    assert not leg.received("BYE")
    assert leg.sent(0, "BYE")
    assert any(not m.sent and m.status == 200 and m.method == "BYE" for m in leg.messages)


def test_a_challenge_is_answered_with_the_right_digest(world: World) -> None:
    number = "6175550257"
    world.call(number)
    world.told(number)
    (leg,) = world.legs(number)
    first, second = leg.invites
    assert "proxy-authorization" not in first.headers
    assert second.headers["cseq"] == "2 INVITE"
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', second.headers["proxy-authorization"]))

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - RFC 3261 digest

    secret = md5("dialer:peers:s3cret")
    asked = md5(f"INVITE:{second.start.split()[1]}")
    proof = (given["nonce"], given["nc"], given["cnonce"], given["qop"])
    assert given["response"] == md5(":".join([secret, *proof, asked]))
    assert given["uri"] == second.start.split()[1]


def test_the_callee_sees_the_callers_own_number_or_the_trunks(world: World) -> None:
    world.call("6175550102;ani=2125551234")
    world.call("6175550103")
    world.sink.wait(1, path="/1234")
    world.told("6175550103")
    assert [leg.invites[0].from_user for leg in world.legs("6175550102")] == ["+12125551234"]
    assert [leg.invites[0].from_user for leg in world.legs("6175550103")] == ["+16175550001"]


def test_insight_speaks_its_own_shape(world: World) -> None:
    reply = world.server.api.queue(world.server.survey, phone_number="6175550250")
    assert reply.status == 200
    call_id = reply.json()["call_id"]
    assert reply.body == b'{"success":true,"call_id":%d}' % call_id
    details = wait_for(
        "failed call",
        lambda: (
            shown
            if (shown := world.server.api.status(call_id).json())["call_details"]["status"]
            == "failed"
            else None
        ),
        within_s=10,
    )
    assert details["call_details"]["attempts"] == "1"


def test_a_trunk_that_fails_gives_the_attempt_back_and_is_tried_again(world: World) -> None:
    """503 is the carrier's fault: three attempts are given back, the fourth one counts."""
    number = "6175550154"
    call_id = world.call(number)
    body = world.told(number, within_s=60)
    legs = world.legs(number)
    assert [leg.final_status for leg in legs] == [503] * 4
    assert [leg.attempt for leg in legs] == [(call_id, n) for n in (1, 2, 3, 4)]
    starts = [leg.invites[0].at for leg in legs]
    assert all(later - earlier >= 4.9 for earlier, later in pairwise(starts))
    assert b'"status":"failed"' in body
    assert event_times(body)[-1][0] == "failed"


def test_wrong_credentials_are_told_once_and_pause_the_trunk(tmp_path: Path) -> None:
    with (
        running_sipp(
            SCENARIO,
            tmp_path,
            keys={"rtp_host": "127.0.0.1", "rtp_port": 9},
            variables={"user": "dialer", "password": "s3cret"},
        ) as sipp,
        server_folder(
            tmp_path / "server",
            {"trunks.main": trunk(sipp.address), "log": {"format": "json"}},
        ) as server,
    ):
        server.start()
        replies = [
            server.api.queue(server.application, phone_number=number)
            for number in ("6175550158", "6175550157")
        ]
        assert [reply.status for reply in replies] == [200, 200]
        wait_for(
            "word about the trunk's settings",
            lambda: "trunk refuses our settings" in server.log(),
            within_s=10,
            on_failure=server.log,
        )
        time.sleep(1.0)
        assert server.log().count("trunk refuses our settings") <= 2
        legs = sipp.calls()
        # Both may have left before the first refusal came; none is sent a second time.
        assert 1 <= len(legs) <= 2
        assert all(len(leg.invites) == 1 for leg in legs)
        for reply in replies:
            details = server.api.status(reply.json()["call_id"]).json()["call_details"]
            assert details["status"] == "queued"
        assert server.stop() == 0
