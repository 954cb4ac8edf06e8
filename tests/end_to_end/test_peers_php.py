"""Programs of our own, written after the vendor's, run by PHP against a whole server.

They stand in tests/peers/php. The server dials SIPp, whose trace and whose audio say what
was dialled; status replies and callbacks are compared byte by byte.
"""

import json
import time
from collections.abc import Iterator

import pytest
from php_world import ANSWERED, World, php_world

from callwright.testing.peers.details import Expected, fuse_bytes, insight_bytes
from callwright.testing.peers.flows import waits
from callwright.testing.peers.sip_log import by_number
from callwright.testing.peers.tshark import capturing
from callwright.testing.peers.waiting import wait_for
from callwright.testing.programs import require

require("php")
require("sipp")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with php_world(tmp_path_factory.mktemp("php")) as world:
        yield world


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
