"""The called end of SIP over a network that loses, repeats and reorders."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from phone_caller import Caller

from callwright.telephony.phones import Phones
from callwright.testing.skipping_loop import run_skipping

Scene = Callable[[Phones, Caller], Awaitable[None]]


def call(number: str, scene: Scene, *, rtp_ports: range = range(54000, 55000)) -> None:
    async def main() -> None:
        phones = Phones(("127.0.0.1", 0), rtp_ports=rtp_ports)
        await phones.start()
        caller = Caller(phones.address[1], number)
        try:
            await scene(phones, caller)
        finally:
            await phones.stop()
            caller.close()

    run_skipping(main())


def times(caller: Caller, what: int | str) -> list[float]:
    return [heard.at for heard in caller.heard if what in (heard.status, heard.method)]


def gaps(at: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(at)]


def test_a_repeated_invite_is_one_call_and_gets_the_last_answer_again() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        caller.invite()
        await asyncio.sleep(0.5)
        caller.invite()
        await asyncio.sleep(0.1)
        assert len(times(caller, 180)) == 3
        await caller.until(200)
        caller.invite()
        await asyncio.sleep(0.1)
        assert len(times(caller, 200)) == 2
        await caller.answered()
        await asyncio.sleep(1)
        caller.heard.clear()
        caller.invite()
        await asyncio.sleep(1)
        assert caller.heard == []
        assert len(phones.calls) == 1

    call("+15550100", scene)


def test_a_200_is_repeated_until_its_ack() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        await caller.until(200)
        await asyncio.sleep(10)
        assert gaps(times(caller, 200)) == pytest.approx([0.5, 1, 2, 4], abs=0.01)
        await caller.answered()
        count = len(times(caller, 200))
        await asyncio.sleep(15)
        assert len(times(caller, 200)) == count
        await caller.bye()

    call("+15550100", scene)


def test_a_200_that_is_never_acknowledged_ends_in_a_bye() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        ok = await caller.until(200)
        bye = await caller.until("BYE")
        assert bye.at - ok.at == pytest.approx(32, abs=0.1)
        caller.answer_bye(bye)
        assert phones.calls[0].ending == "answer never acknowledged"

    call("+15550100", scene)


def test_a_refusal_is_repeated_until_its_ack_and_then_given_up() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        await caller.until(486)
        await asyncio.sleep(100)
        seen = times(caller, 486)
        assert gaps(seen)[:4] == pytest.approx([0.5, 1, 2, 4], abs=0.01)
        assert seen[-1] - seen[0] < 32
        assert len(phones._by_tag) == len(phones._by_branch) == 0

    call("+15550150", scene)


def test_the_phone_hangs_up_only_after_the_ack_and_repeats_its_bye() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        ok = await caller.until(200)
        await asyncio.sleep(5)
        assert times(caller, "BYE") == []
        caller.take_tag(ok)
        caller.send("ACK", branch="ack")
        await asyncio.sleep(100)
        assert gaps(times(caller, "BYE"))[:4] == pytest.approx([0.5, 1, 2, 4], abs=0.01)
        assert times(caller, "BYE")[-1] - times(caller, "BYE")[0] < 32

    call("+15550157", scene)


def test_its_bye_goes_to_the_contact_with_both_tags_and_the_route() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        route = f"<sip:127.0.0.1:{caller.sip_port};lr>"
        caller.invite(f"Record-Route: {route}\r\n")
        ok = await caller.answered()
        assert ok.header("Record-Route") == route
        bye = await caller.until("BYE")
        assert bye.start == f"BYE sip:t@127.0.0.1:{caller.sip_port} SIP/2.0"
        assert bye.header("Route") == route
        assert bye.header("From") == ok.header("To")
        assert bye.header("To") == ok.header("From")
        caller.answer_bye(bye)

    call("+15550157", scene)


def test_a_repeated_bye_gets_its_200_again_and_a_late_one_481() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        await caller.answered()
        await caller.bye()
        caller.heard.clear()
        caller.send("BYE")
        await caller.until(200)
        await asyncio.sleep(40)
        caller.send("BYE")
        await caller.until(481)
        assert len(phones._by_tag) == len(phones._by_branch) == 0

    call("+15550100", scene)


def test_a_cancel_after_the_answer_changes_nothing() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        await caller.answered()
        caller.heard.clear()
        caller.send("CANCEL", cseq=1, in_dialog=False)
        await caller.until(200)
        await asyncio.sleep(1)
        assert times(caller, 487) == []
        assert phones.calls[0].ending == ""
        await caller.bye()

    call("+15550100", scene)


def test_a_cancel_or_bye_of_no_call_gets_481_and_an_ack_nothing() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.send("ACK")
        await asyncio.sleep(1)
        assert caller.heard == []
        caller.send("CANCEL")
        await caller.until(481)
        caller.heard.clear()
        caller.tag = "nobody"
        caller.send("BYE")
        await caller.until(481)

    call("+15550100", scene)


def test_options_are_answered_and_other_methods_not_allowed() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.send("OPTIONS")
        assert "INVITE" in (await caller.until(200)).header("Allow")
        caller.send("REGISTER")
        await caller.until(405)

    call("+15550100", scene)


def test_an_invite_without_an_offer_gets_one() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite(offer=False)
        ok = await caller.until(200)
        assert "m=audio" in ok.body
        caller.take_tag(ok)
        caller.start_audio(ok.body)
        caller.send("ACK", branch="ack", body=caller.offer())
        await caller.say(1.5)
        await asyncio.sleep(1)
        assert caller.digits == "1"
        await caller.bye()

    call("+15550156", scene)


def test_a_reinvite_moves_the_audio() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        await caller.answered()
        moved = caller.plane.open()
        body = caller.offer().replace(str(caller.audio.local_port), str(moved.local_port))
        caller.heard.clear()
        caller.cseq = 2
        caller.send("INVITE", body=body)
        ok = await caller.until(200)
        caller.send("ACK", branch="ack2")
        moved.start(("127.0.0.1", int(ok.body.split("m=audio ")[1].split()[0])), "PCMU", 101)
        await asyncio.sleep(1)
        assert moved.stats().received_packets == pytest.approx(50, abs=3)
        assert len(times(caller, 200)) == 1
        await caller.bye()

    call("+15550100", scene)


def test_a_key_sent_by_info_is_heard() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        await caller.answered()
        caller.cseq = 2
        caller.send("INFO", extra="Content-Type: application/dtmf-relay\r\nX: y\r\n", body="")
        caller.heard.clear()
        body = "Signal=5\r\nDuration=100\r\n"
        text = (
            f"INFO {caller.uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{caller.sip_port};"
            f"rport;branch=z9hG4bKinfo\r\nFrom: <sip:a@b>;tag=caller\r\n"
            f"To: <{caller.uri}>;tag={caller.tag}\r\nCall-ID: {caller.call_id}\r\n"
            f"CSeq: 3 INFO\r\nContent-Type: application/dtmf-relay\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        caller.sock.sendto(text.encode(), ("127.0.0.1", caller.port))
        await caller.until(200)
        caller.cseq = 3
        await caller.bye()
        assert phones.calls[0].digits == "5"

    call("+15550100", scene)


@pytest.mark.parametrize(
    "offer", ["v=0\r\nm=audio 4000 RTP/AVP 18\r\nc=IN IP4 127.0.0.1\r\n", "nonsense"]
)
def test_an_offer_it_cannot_talk_with_is_not_acceptable(offer: str) -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.send("INVITE", body=offer, in_dialog=False)
        caller.refused(await caller.until(488))
        assert phones.calls[0].ending == "488 Not Acceptable Here"

    call("+15550100", scene)


def test_without_a_free_port_it_is_unavailable() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        second = Caller(caller.port, "+15550101")
        caller.invite()
        await caller.answered()
        second.invite()
        second.refused(await second.until(503))
        second.close()
        await caller.bye()

    call("+15550100", scene, rtp_ports=range(55000, 55002))


def test_a_caller_that_falls_silent_for_good_is_hung_up_on() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        ok = await caller.answered()
        caller.audio.close()
        bye = await caller.until("BYE")
        assert bye.at - ok.at == pytest.approx(30, abs=0.5)
        caller.answer_bye(bye)
        assert phones.calls[0].ending == "hung up: no audio came"

    call("+15550100", scene)


def test_junk_is_met_with_silence_and_a_contactless_invite_with_400() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        for junk in (b"", b"\r\n\r\n", b"\x80" * 200, b"INVITE sip:x SIP/2.0\r\n\r\n"):
            caller.sock.sendto(junk, ("127.0.0.1", caller.port))
        await asyncio.sleep(1)
        assert caller.heard == []
        text = (
            f"INVITE {caller.uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{caller.sip_port};"
            f"branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=a\r\nTo: <{caller.uri}>\r\n"
            f"Call-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
        )
        caller.sock.sendto(text.encode(), ("127.0.0.1", caller.port))
        await caller.until(400)
        assert phones.calls == ()

    call("+15550100", scene)


def test_stopping_hangs_up_every_phone() -> None:
    async def main() -> None:
        phones = Phones(("127.0.0.1", 0), rtp_ports=range(54000, 55000))
        await phones.start()
        talking = Caller(phones.address[1], "+15550100")
        ringing = Caller(phones.address[1], "+15550151")
        talking.invite()
        ringing.invite()
        await talking.answered()
        await ringing.until(180)
        stopping = asyncio.ensure_future(phones.stop())
        talking.answer_bye(await talking.until("BYE"))
        ringing.refused(await ringing.until(480))
        await stopping
        assert [record.ending for record in phones.calls] == [
            "hung up: the phones were switched off",
            "480 Temporarily Unavailable",
        ]
        await phones.stop()
        talking.close()
        ringing.close()

    run_skipping(main())
