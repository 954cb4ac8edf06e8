"""The line against SIPp phones: what each number comes to."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from line_world import Told, told_line
from raw_phone import RawPhone
from sipp_phones import Phones, free_udp_port, sipp_phones

from callwright.domain.outcome import Outcome
from callwright.ports.line import HangUp, HangUpAll, LegAnswered, LegEnded, LegRinging, LegSent

EXPECTED = {
    "0100": (Outcome.ANSWERED, "script ended", 200),
    "0165": (Outcome.ANSWERED, "script ended", 200),
    "0157": (Outcome.ANSWERED, "callee hung up", 200),
    "0159": (Outcome.ANSWERED, "script ended", 200),
    "0150": (Outcome.BUSY, "486 Busy Here", 486),
    "0152": (Outcome.REJECTED, "603 Decline", 603),
    "0153": (Outcome.UNREACHABLE, "404 Not Found", 404),
    "0154": (Outcome.TRUNK_TROUBLE, "503 Service Unavailable", 503),
    "0158": (Outcome.UNREACHABLE, "404 Not Found", 404),
    "0480": (Outcome.NO_ANSWER, "480 Temporarily Unavailable", 480),
    "0488": (Outcome.TRUNK_MISCONFIGURED, "488 Not Acceptable Here", 488),
    "0604": (Outcome.UNREACHABLE, "604 Does Not Exist Anywhere", 604),
    "0161": (Outcome.TRUNK_MISCONFIGURED, "401 Unauthorized", 401),
    "0163": (Outcome.MEDIA_FAILED, "no usable audio: no audio stream", 200),
}
LONGER = "callwright: 1\nname: Longer\nsteps:\n  pause:\n    wait: 5s\n    next: hangup\n"


def test_every_answer_comes_to_its_outcome(tmp_path: Path, driver: str) -> None:
    with sipp_phones(tmp_path) as phones:
        ended = asyncio.run(_place_all(tmp_path, phones, driver))
    if driver == "sip":
        found = {n: (each.outcome, each.reason, each.sip_code) for n, each in ended.items()}
        assert found == EXPECTED
        assert ended["0154"].retry_after_s == 2.0
    else:  # Asterisk has words of its own
        said = {n: (each.outcome, each.sip_code) for n, each in ended.items()}
        assert said == {n: (outcome, code) for n, (outcome, _, code) in EXPECTED.items()}
    assert ended["0158"].rang
    assert not ended["0150"].rang
    assert all(each.sent for each in ended.values())


async def _place_all(folder: Path, phones: Phones, driver: str) -> dict[str, LegEnded]:
    async with told_line(folder, phones.address, driver=driver) as told:
        told.script("short", LONGER.replace("5s", "0.5s"))
        orders = {number: told.place(f"+1555123{number}") for number in EXPECTED}
        ended = {number: await told.end(order) for number, order in orders.items()}
        for order in orders.values():
            kinds = [type(m) for m in told.messages if getattr(m, "leg", "") == order.leg]
            assert kinds[0] is LegSent
            assert kinds.count(LegEnded) == 1
            assert kinds[-1] is LegEnded
        return ended


def _with_phones(tmp_path: Path, work: object, **trunk: Any) -> None:
    async def run() -> None:
        async with told_line(tmp_path, phones.address, **trunk) as told:
            await work(told, phones)  # type: ignore[operator]

    with sipp_phones(tmp_path) as phones:
        asyncio.run(run())


def test_the_wire_carries_number_caller_and_identity(tmp_path: Path) -> None:
    async def work(told: Told, phones: Phones) -> None:
        order = told.place("+15551230100", caller_id="+15559876543")
        hidden = told.place("5551230150", caller_id="")
        await told.end(order)
        await told.end(hidden)
        invite = phones.heard("INVITE", order.identity.call_id)
        assert invite.startswith(f"INVITE sip:+15551230100@127.0.0.1:{phones.port} SIP/2.0")
        assert (
            f'From: "+15559876543" <sip:+15559876543@127.0.0.1>;tag={order.identity.from_tag}'
            in (invite)
        )
        assert f";branch={order.identity.branch}" in invite
        assert told.ready.local_sip["main"] in invite
        assert "m=audio 4" in invite
        anonymous = phones.heard("INVITE", hidden.identity.call_id)
        assert 'From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=' in anonymous
        answered = told.of(order, LegAnswered)[0]
        assert answered.remote_target.startswith(f"sip:phone@127.0.0.1:{phones.port}")
        assert phones.received(order.identity.call_id, "BYE") == ["INVITE", "ACK", "BYE"]

    _with_phones(tmp_path, work)


def test_the_phone_sees_who_calls_and_a_signed_identity(tmp_path: Path, driver: str) -> None:
    signed = (
        "eyJhbGciOiJFUzI1NiJ9.eyJpYXQiOjF9.c2lnbmF0dXJl;info=<https://example.com/c.pem>;alg=ES256"
    )

    async def work(told: Told, phones: Phones) -> None:
        shown = told.place("5551230150", caller_id="+15559876543", signed_identity=signed)
        hidden = told.place("5551230152", caller_id="")
        await told.end(shown)
        await told.end(hidden)
        invite = phones.heard("INVITE", shown.number)
        assert "<sip:+15559876543@127.0.0.1" in invite
        assert f"\nIdentity: {signed}" in invite
        assert "<sip:anonymous@anonymous.invalid>" in phones.heard("INVITE", hidden.number)

    _with_phones(tmp_path, work, driver=driver)


def test_a_phone_that_rings_too_long_is_cancelled(tmp_path: Path, driver: str) -> None:
    async def work(told: Told, phones: Phones) -> None:
        order = told.place("5551230151", ring_timeout_s=0.3)
        ended = await told.end(order)
        assert (ended.outcome, ended.reason, ended.rang) == (
            Outcome.NO_ANSWER,
            "ring timeout",
            True,
        )
        assert await asyncio.to_thread(phones.received, order.number, "ACK") == [
            "INVITE",
            "CANCEL",
            "ACK",
        ]

    _with_phones(tmp_path, work, driver=driver)


def test_an_answer_that_crosses_the_cancel_is_hung_up(tmp_path: Path, driver: str) -> None:
    async def work(told: Told, phones: Phones) -> None:
        order = told.place("5551230164", ring_timeout_s=0.2)
        ended = await told.end(order)
        assert (ended.outcome, ended.answered) == (Outcome.NO_ANSWER, False)
        heard = await asyncio.to_thread(phones.received, order.number, "BYE")
        assert heard[:2] == ["INVITE", "CANCEL"]
        assert set(heard[2:]) == {"ACK", "BYE"}

    _with_phones(tmp_path, work, driver=driver)


def test_a_leg_is_hung_up_on_request_ringing_or_talking(tmp_path: Path, driver: str) -> None:
    async def work(told: Told, phones: Phones) -> None:
        told.script("longer", LONGER)
        ringing = told.place("5551230151")
        talking = told.place("5551230165", script="longer")
        await told.until(LegRinging, ringing)
        await told.until(LegAnswered, talking)
        told.line.say(HangUp(leg=ringing.leg))
        told.line.say(HangUp(leg=talking.leg))
        told.line.say(HangUp(leg="nobody"))
        for order in (ringing, talking):
            ended = await told.end(order)
            assert (ended.outcome, ended.reason) == (Outcome.CANCELED, "hung up by request")
        assert await asyncio.to_thread(phones.received, ringing.number, "ACK") == [
            "INVITE",
            "CANCEL",
            "ACK",
        ]
        assert await asyncio.to_thread(phones.received, talking.number, "BYE") == [
            "INVITE",
            "ACK",
            "BYE",
        ]

    _with_phones(tmp_path, work, driver=driver)


def test_hanging_everything_up_says_that_it_was_our_doing(tmp_path: Path, driver: str) -> None:
    async def work(told: Told, phones: Phones) -> None:
        told.script("longer", LONGER)
        ringing = told.place("5551230151")
        talking = told.place("5551230165", script="longer")
        await told.until(LegRinging, ringing)
        await told.until(LegAnswered, talking)
        told.line.say(HangUpAll())
        assert (await told.end(ringing)).outcome is Outcome.INTERRUPTED
        assert (await told.end(talking)).outcome is Outcome.INTERRUPTED_TALKING
        after = told.place("5551230150")
        assert (await told.end(after)).outcome is Outcome.BUSY

    _with_phones(tmp_path, work, driver=driver)


def test_the_longest_length_is_kept(tmp_path: Path, driver: str) -> None:
    async def work(told: Told, phones: Phones) -> None:
        told.script("longer", LONGER)
        order = told.place("5551230165", script="longer", max_length_s=0.3)
        ended = await told.end(order)
        assert (ended.outcome, ended.reason) == (Outcome.ANSWERED, "longest length reached")

    _with_phones(tmp_path, work, driver=driver)


def test_an_order_that_came_too_late_is_not_sent(tmp_path: Path, driver: str) -> None:
    async def work(told: Told, phones: Phones) -> None:
        late = told.place("5551230100", send_before=time.monotonic() - 0.01)
        ended = await told.end(late)
        assert (ended.sent, ended.reason) == (False, "too late to send")
        in_time = told.place("5551230150", send_before=time.monotonic() + 5)
        assert (await told.end(in_time)).sent
        assert phones.received(late.number) == []

    _with_phones(tmp_path, work, driver=driver)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"number": "5551230100;x=1"}, "not dialable"),
        ({"caller_id": 'a"b\r\nX: y'}, "not dialable"),
        ({"trunk": "elsewhere"}, "no such trunk"),
        ({"script": "unknown"}, "no such script"),
    ],
)
def test_an_order_that_makes_no_sense_is_not_sent(
    tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    async def run() -> None:
        async with told_line(tmp_path, "sip:127.0.0.1:9") as told:
            order = told.place(**{"number": "5551230100"} | changes)
            ended = await told.end(order)
            assert (ended.sent, ended.reason) == (False, reason)
            assert told.line.legs == 0  # type: ignore[attr-defined]

    asyncio.run(run())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_port_where_nobody_listens_is_told_at_once_and_may_be_tried_again(
    tmp_path: Path, run: Callable[[Coroutine[Any, Any, None]], None]
) -> None:
    port = free_udp_port()

    async def main() -> None:
        async with told_line(tmp_path, f"sip:127.0.0.1:{port}") as told:
            for _ in range(3):
                ended = await told.end(told.place("5551230100"))
                assert (ended.outcome, ended.reason) == (
                    Outcome.TRUNK_TROUBLE,
                    "connection refused",
                )
            phone = RawPhone(port=port)
            assert (await told.end(told.place("5551230100"))).reason == "script ended"
            phone.close()

    run(main())


def test_lost_packets_are_made_up_for(tmp_path: Path) -> None:
    async def run() -> None:
        async with told_line(tmp_path, phones.address) as told:
            orders = [told.place("5551230165") for _ in range(25)]
            ended = [await told.until(LegEnded, order, 30) for order in orders]
            assert {each.outcome for each in ended} == {Outcome.ANSWERED}
            assert len(await told.until_count(LegEnded, 25)) == 25

    with sipp_phones(tmp_path, "uas_by_number.xml", "-lost", "5") as phones:
        asyncio.run(run())
