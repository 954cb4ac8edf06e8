"""Programs written for the vendor's API, run by PHP against a whole server that dials SIPp.

Ours stand in tests/peers/php. The vendor's own are taken from its documents where those
lie beside the repository; of them nothing is changed but URL, credentials and file name.
"""

import json
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from callwright.testing.peers.api import Reply
from callwright.testing.peers.details import Expected, event_times, fuse_bytes, insight_bytes
from callwright.testing.peers.flows import waits
from callwright.testing.peers.php import Dumped, adapted, extract_php, run_sample
from callwright.testing.peers.rtp_listener import RtpListener, keys_in, rtp_listener
from callwright.testing.peers.server import ServerUnderTest, server_folder, trunk
from callwright.testing.peers.sink import CallbackSink, callback_sink
from callwright.testing.peers.sip_log import SipCall, by_number
from callwright.testing.peers.sipp import Sipp, running_sipp
from callwright.testing.peers.tshark import capturing
from callwright.testing.peers.waiting import wait_for
from callwright.testing.programs import require

require("php")
require("sipp")

PEERS = Path(__file__).parents[1] / "peers"
SOURCES = Path(__file__).parents[3] / "shared" / "sources"
ANSWERED = ("queued", "dialing", "connected", "disconnected")
LATE_S = 57
"""The vendor's lists start in a minute; a clock so slow makes that three seconds."""

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


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("php")
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
        (server.folder / "beep.wav").write_bytes(silent_wav(0.1))
        application = server.add_application("short", waits(0.5))
        survey = server.add_survey("peers", SURVEY, "--metadatabase", "first_name")
        server.start()
        yield World(folder, server, sipp, sink, rtp, application, survey)
        assert server.stop() == 0


def test_our_program_queues_one_call_of_an_application(world: World) -> None:
    number = "tel:16175550110;ani=2125551234;postd=2"
    told = world.php("fuse_queue", PHONE_NUMBER=number, RESULT_URL=world.sink.url("/fuse-one"))
    assert told.status == 200
    call_id = json.loads(told.reply)["call_id"]
    assert told.reply == b'{"call_id":%d}' % call_id
    leg = world.leg("+16175550110")
    assert leg.attempt == (call_id, 1)
    assert leg.invites[0].from_user == "+12125551234"
    assert world.digits(leg) == "2"
    world.finished(call_id)
    status = world.php("status", CALL_ID=call_id)
    expected = fuse_bytes(
        Expected(number=number, status="completed", events=ANSWERED, max_attempts=2, wait="60"),
        json.loads(status.reply)["call_details"],
    )
    assert (status.status, status.reply) == (200, b'{"call_details":' + expected + b"}")
    (callback,) = world.sink.wait(1, path="/fuse-one")
    assert callback.body == expected
    assert callback.method == "POST"
    assert callback.headers["content-type"] == "application/json"
    assert callback.headers["x-call-id"] == str(call_id)


def test_our_program_queues_a_list_of_an_application(world: World) -> None:
    file = world.csv(
        "fuse.csv",
        "destination,first_name\r\n"
        "6175550111,Ana\r\n"
        '"16175550112;ani=8009957586","Zoë, Dr."\r\n'
        "tel:+16175550113;postd=12#,\r\n",
    )
    told = world.php("fuse_bulk_queue", CSV_FILE=file, RESULT_URL=world.sink.url("/fuse-list"))
    assert (told.status, told.reply) == (200, b'{"calls_queued":3}')
    legs = [world.leg(f"+1617555011{last}") for last in (1, 2, 3)]
    assert [leg.invites[0].from_user for leg in legs] == ["anonymous", "+18009957586", "anonymous"]
    assert [world.digits(leg) for leg in legs] == ["", "", "12#"]
    callbacks = world.sink.wait(3, path="/fuse-list")
    sent = {json.loads(callback.body)["phone_number"] for callback in callbacks}
    assert sent == {"6175550111", "16175550112;ani=8009957586", "tel:+16175550113;postd=12#"}
    for callback in callbacks:
        reply = world.server.api.status(int(callback.headers["x-call-id"]))
        assert reply.body == b'{"call_details":' + callback.body + b"}"


def test_our_program_queues_one_call_of_a_survey(world: World) -> None:
    told = world.php(
        "insight_queue",
        PHONE_NUMBER="tel:16175550114;ani=2125551234;postd=9",
        RESULT_URL=world.sink.url("/insight-one"),
    )
    head, _, body = told.reply.partition(b"\r\n\r\n")
    call_id = json.loads(body)["call_id"]
    assert told.status == 200
    assert body == b'{"success":true,"call_id":%d}' % call_id
    link = f'link: <{world.server.url}/api/outbound/{call_id}>; rel="status"'
    assert link in head.decode("ascii").lower()
    leg = world.leg("+16175550114")
    assert leg.invites[0].from_user == "+12125551234"
    assert world.digits(leg) == "9"
    status = world.finished(call_id)
    expected = insight_bytes(
        Expected(number="", status="completed", events=ANSWERED), status.json()["call_details"]
    )
    assert status.body == b'{"success":true,"call_details":' + expected + b"}"
    (callback,) = world.sink.wait(1, path="/insight-one")
    assert callback.body == expected


def test_our_program_queues_a_list_of_a_survey(world: World) -> None:
    file = world.csv("insight.csv", "phone_number,First_Name\n6175550115,Ana\n6175550116,Bo\n")
    told = world.php(
        "insight_bulk_queue", CSV_FILE=file, RESULT_URL=world.sink.url("/insight-list")
    )
    assert (told.status, told.reply) == (200, b'{"success":true}')
    for callback in world.sink.wait(2, path="/insight-list"):
        seen = json.loads(callback.body)
        assert callback.body == insight_bytes(
            Expected(
                number="",
                status="completed",
                events=ANSWERED,
                start=seen["start_timestamp"],
                end=seen["end_timestamp"],
            ),
            seen,
        )
        assert int(seen["end_timestamp"]) - int(seen["start_timestamp"]) == 3600
    world.leg("+16175550115")
    world.leg("+16175550116")


def test_a_file_named_with_an_at_sign_is_refused_with_the_cure(world: World) -> None:
    file = world.csv("at.csv", "phone_number\n6175550117\n")
    told = world.php("insight_bulk_queue", CSV_FILE=file, UPLOAD="at")
    answer = json.loads(told.reply)
    assert told.status == 400
    assert list(answer) == ["success", "error"]
    assert answer["success"] is False
    assert "curl_file_create" in answer["error"]
    assert str(file.parent) not in answer["error"]


def test_our_program_cancels_what_waits(world: World) -> None:
    application = world.server.add_application("later", waits(0.5))
    _, application_id, deployment_id = application.split("/")
    file = world.csv("later.csv", "destination\n6175550118\n6175550119\n")
    told = world.php(
        "fuse_bulk_queue",
        APPLICATION_ID=application_id,
        DEPLOYMENT_ID=deployment_id,
        CSV_FILE=file,
        STARTS="+1 hour",
        RESULT_URL=world.sink.url("/canceled"),
    )
    assert (told.status, told.reply) == (200, b'{"calls_queued":2}')
    canceled = world.php("cancel", PROGRAM=application)
    assert (canceled.status, canceled.reply) == (202, b"")
    again = world.php("cancel", PROGRAM=application)
    assert (again.status, again.reply) == (202, b"")
    for callback in world.sink.wait(2, path="/canceled"):
        seen = json.loads(callback.body)
        assert callback.body == fuse_bytes(
            Expected(
                number=seen["phone_number"],
                status="canceled",
                events=("queued", "canceled"),
                attempts=0,
                start=seen["start_timestamp"],
                end=seen["end_timestamp"],
            ),
            seen,
        )
    dialled = by_number(world.sipp.calls())
    assert "+16175550118" not in dialled
    assert "+16175550119" not in dialled


def test_the_status_comes_as_xml_when_asked_for(world: World) -> None:
    told = world.php("fuse_queue", PHONE_NUMBER="6175550150")
    call_id = json.loads(told.reply)["call_id"]

    def waits_again() -> bool:
        details = world.server.api.status(call_id).json()["call_details"]
        return (details["status"], details["attempts"]) == ("queued", "1")

    wait_for("second wait", waits_again, within_s=10)
    shown = world.php("status", CALL_ID=call_id, ACCEPT="application/xml")
    assert shown.status == 200
    assert shown.reply.startswith(b'<?xml version="1.0"?>\n<result><call_details><max_attempts>2<')
    assert b"<phone_number>6175550150</phone_number><status>queued</status>" in shown.reply


def test_tshark_sees_the_callers_number_and_the_keys(world: World) -> None:
    """A second, independent eye on one call: From for `ani`, telephone-events for `postd`."""
    both = f"udp port {world.sipp.port} or udp port {world.rtp.port}"
    with capturing(world.folder, both) as capture:
        world.php("fuse_queue", PHONE_NUMBER="16175550120;ani=8009957586;postd=4,7*")
        world.leg("+16175550120")
        time.sleep(0.3)
    invites = capture.fields(
        'sip.Method == "INVITE"',
        ["sip.from.user", "sip.r-uri.user"],
        decode_as=[f"udp.port=={world.sipp.port},sip"],
    )
    assert invites == [["+18009957586", "+16175550120"]]
    events = capture.fields(
        "rtpevent",
        ["rtp.timestamp", "rtpevent.event_id", "rtpevent.end_of_event"],
        decode_as=[f"udp.port=={world.rtp.port},rtp"],
    )
    keys = dict.fromkeys((timestamp, event) for timestamp, event, _ in events)
    assert [event for _, event in keys] == ["4", "7", "10"]
    first, second, third = (int(timestamp) / 8000 for timestamp, _ in keys)
    # 100 ms tone, a pause of one second for the comma; then 100 ms tone, 100 ms gap.
    assert second - first == pytest.approx(1.2, abs=0.15)
    assert third - second == pytest.approx(0.2, abs=0.05)


# ── the vendor's own programs ─────────────────────────────────────────────────────────────────

DOCUMENTS = sorted(SOURCES.glob("*.txt"))
PROGRAMS = {
    document.stem: program
    for document in DOCUMENTS
    if (program := extract_php(document.read_text("utf-8", "replace"))) is not None
}


# Made only where there are documents: a clone that stands alone has ours, and nothing to skip.
if PROGRAMS:

    @pytest.mark.parametrize("document", PROGRAMS)
    def test_the_vendors_own_program_runs_with_url_and_credentials_changed(
        world: World, document: str
    ) -> None:
        program = PROGRAMS[document]
        index = list(PROGRAMS).index(document)
        numbers = [f"617555030{index}", f"617555031{index}"]
        run = _fuse_list if "fuse.plumvoice.com" in program else partial(_insight, index=index)
        run(world, document, program, numbers)

    def test_there_is_a_program_of_each_product() -> None:
        text = "\n".join(PROGRAMS.values())
        assert "https://fuse.plumvoice.com" in text
        assert "https://insight.plumvoice.com" in text


def _run(world: World, document: str, program: str, changes: dict[str, str]) -> Dumped:
    file = world.folder / f"{document}.php"
    file.write_text(adapted(program, changes), encoding="utf-8")
    return run_sample(file, late_s=LATE_S if "strtotime" in program else 0)


def _fuse_list(world: World, document: str, program: str, numbers: list[str]) -> None:
    _, application, deployment = world.application.split("/")
    first, second = numbers
    csv = f"destination,first_name\n{first},Ana\n{second};ani=2125551234;postd=5,Bo\n"
    queued_at = int(time.time())
    told = _run(
        world,
        document,
        program,
        {
            "https://fuse.plumvoice.com": world.server.url,
            "<your_email_address>": world.server.user,
            "<your_developer_key>": world.server.key,
            "<your_application_id>": application,
            "<your_deployment_id>": deployment,
            "/path/to/csv/file.csv": str(world.csv(f"{document}.csv", csv)),
        },
    )
    assert (told.status, told.reply) == (200, b'{"calls_queued":2}')
    legs = [world.leg(f"+1{number}") for number in numbers]
    assert legs[1].invites[0].from_user == "+12125551234"
    assert [world.digits(leg) for leg in legs] == ["", "5"]
    for leg, sent in zip(legs, (first, f"{second};ani=2125551234;postd=5"), strict=True):
        status = world.finished(leg.attempt[0])
        seen = status.json()["call_details"]
        expected = fuse_bytes(
            Expected(
                number=sent,
                status="completed",
                events=ANSWERED,
                start=seen["start_timestamp"],
                end=seen["end_timestamp"],
            ),
            seen,
        )
        assert status.body == b'{"call_details":' + expected + b"}"
        starts_at, ends_at = int(seen["start_timestamp"]), int(seen["end_timestamp"])
        assert 60 - LATE_S - 1 <= starts_at - queued_at <= 60 - LATE_S + 3
        assert ends_at - starts_at == 3540
        assert leg.invites[0].at >= starts_at
        assert event_times(expected)[1][1] >= starts_at


def _insight(world: World, document: str, program: str, numbers: list[str], index: int) -> None:
    _, survey, instance = world.survey.split("/")
    changes = {
        "https://insight.plumvoice.com": world.server.url,
        "{survey_id}": survey,
        "{instance_id}": instance,
        "you@yourdomain.com": world.server.user,
        "your_developer_key": world.server.key,
    }
    if "bulk_queue" not in program:
        number = f"tel:1{numbers[0]};ani=2125551234;postd=5"
        told = _run(world, document, program, {**changes, "desintation_phone_number": number})
        _, _, body = told.reply.partition(b"\r\n\r\n")
        call_id = json.loads(body)["call_id"]
        assert (told.status, body) == (200, b'{"success":true,"call_id":%d}' % call_id)
        leg = world.leg(f"+1{numbers[0]}")
        assert leg.attempt == (call_id, 1)
        assert leg.invites[0].from_user == "+12125551234"
        assert world.digits(leg) == "5"
        return
    file = world.csv(f"{document}.csv", f"phone_number\n{numbers[0]}\n{numbers[1]}\n")
    told = _run(world, document, program, {**changes, "/path/to/csv/on/your/pc.csv": str(file)})
    assert told.status == 400
    assert "curl_file_create" in json.loads(told.reply)["error"]
    # With the cure that the answer names, and nothing else changed, it works.
    cured = adapted(program, {"'@/path/to/csv/on/your/pc.csv'": f"curl_file_create('{file}')"})
    told = _run(world, f"{document}-cured", cured, changes)
    assert (told.status, told.reply) == (200, b'{"success":true}')
    for number in numbers:
        world.leg(f"+1{number}")


def silent_wav(seconds: float) -> bytes:
    """8 kHz, 16 bits, mono, nothing to hear."""
    audio = bytes(int(seconds * 8000) * 2)
    head = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", 36 + len(audio), b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16
    )
    return head + b"data" + struct.pack("<I", len(audio)) + audio
