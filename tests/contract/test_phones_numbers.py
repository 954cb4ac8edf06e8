"""What each number does, seen by a caller over real UDP and RTP, in skipped time."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from phone_caller import Caller, Heard, digest_line

from callwright.telephony.phones import PhoneEvent, Phones
from callwright.telephony.phones.script import read_script
from callwright.telephony.rtp.g711 import decode
from callwright.testing.skipping_loop import run_skipping

Scene = Callable[[Phones, Caller], Awaitable[None]]


def call(number: str, scene: Scene, *, law: str = "0", events: bool = True) -> Phones:
    """Play `scene` with one caller of `number`."""

    async def main() -> Phones:
        script = read_script('[[rule]]\nmatch = "*9999"\nchallenge = "SHA-256"\n', "script")
        phones = Phones(("127.0.0.1", 0), script=script, rtp_ports=range(52000, 54000))
        await phones.start()
        caller = Caller(phones.address[1], number, law, events)
        try:
            await scene(phones, caller)
        finally:
            await phones.stop()
            caller.close()
        return phones

    return run_skipping(main())


@pytest.mark.parametrize("number", ["+15550100", "+15550149", "+4930123", "7"])
def test_a_person_answers_after_a_second_and_stays_until_the_caller_hangs_up(number: str) -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        ringing = await caller.until(180)
        ok = await caller.answered()
        assert ok.at - ringing.at == pytest.approx(1.0, abs=0.01)
        await asyncio.sleep(2.0)
        assert set(caller.sound) > {0xFF}  # says hello
        caller.sound.clear()
        await asyncio.sleep(23.0)
        assert caller.audio.stats().received_packets == pytest.approx(1250, abs=5)
        assert set(caller.sound) == {0xFF}
        assert await caller.bye()
        record = phones.calls[0]
        assert (record.number, record.caller) == (number, "+15550001")
        assert (record.ending, record.code) == ("caller hung up", 200)
        assert record.answered_at is not None
        assert record.ended_at is not None

    call(number, scene)


@pytest.mark.parametrize(
    ("last", "status", "rings"),
    [("0150", 486, False), ("0152", 603, True), ("0153", 404, False), ("0154", 503, False)],
)
def test_some_numbers_refuse(last: str, status: int, rings: bool) -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        final = await caller.until(status)
        caller.refused(final)
        assert (180 in [heard.status for heard in caller.heard]) is rings
        await asyncio.sleep(40)
        assert [heard.status for heard in caller.heard].count(status) == 1
        assert phones.calls[0].ending.startswith(str(status))

    call("+1555" + last, scene)


def test_0151_rings_for_ever_until_the_cancel() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        await caller.until(180)
        await asyncio.sleep(120)
        assert [heard.status for heard in caller.heard] == [180]
        caller.send("CANCEL", in_dialog=False)
        final = await caller.until(487)
        caller.refused(final)
        yes = await caller.until(200)
        assert yes.header("CSeq") == "1 CANCEL"
        assert phones.calls[0].ending == "canceled by the caller"

    call("+15550151", scene)


def test_0155_greets_beeps_and_records() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        await caller.answered()
        await caller.say(2.0)
        bye = await caller.until("BYE")
        caller.answer_bye(bye)
        sound = decode(bytes(caller.sound), "PCMU").astype(float)
        loud = np.flatnonzero(np.abs(sound) > 500)
        beep = sound[loud[-1] - 3500 : loud[-1]]
        assert np.argmax(np.abs(np.fft.rfft(beep))) * 8000 / 3500 == pytest.approx(1000, abs=4)
        assert loud[-1] - loud[0] > 3 * 8000
        record = phones.calls[0]
        assert record.ending == "hung up"
        assert record.heard_s == pytest.approx(2.0, abs=0.1)
        assert bye.at == pytest.approx(1.0 + loud[-1] / 8000 + 20.0, abs=0.5)

    call("+15550155", scene)


@pytest.mark.parametrize(("law", "events"), [("0", True), ("8", True)])
def test_0156_keys_1_after_the_first_prompt_and_no_more(law: str, events: bool) -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        await caller.answered()
        await caller.say(1.5)
        assert caller.digits == ""
        await asyncio.sleep(0.3)
        assert caller.digits == ""
        await asyncio.sleep(0.3)
        assert caller.digits == "1"
        await caller.say(1.5)
        await asyncio.sleep(3.0)
        await caller.bye()
        assert caller.digits == "1"
        record = phones.calls[0]
        assert (record.keyed, record.prompts) == ("1", 2)
        assert record.heard_s == pytest.approx(3.0, abs=0.1)

    call("+15550156", scene, law=law, events=events)


def test_0156_keys_audibly_where_the_caller_takes_no_events() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        ok = await caller.answered()
        assert "telephone-event" not in ok.body
        await asyncio.sleep(1.0)
        caller.sound.clear()
        await caller.say(1.5)
        await asyncio.sleep(1.0)
        await caller.bye()
        sound = decode(bytes(caller.sound), "PCMU").astype(float)
        loud = np.flatnonzero(np.abs(sound) > 500)
        spectrum = np.abs(np.fft.rfft(sound[loud[0] : loud[0] + 800]))
        assert sorted(np.argsort(spectrum)[-2:] * 10) == [
            pytest.approx(697, abs=10),
            pytest.approx(1209, abs=10),
        ]

    call("+15550156", scene, events=False)


def test_0157_hangs_up_after_three_seconds() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        ok = await caller.answered()
        bye = await caller.until("BYE")
        assert bye.at - ok.at == pytest.approx(3.0, abs=0.01)
        caller.answer_bye(bye)
        await asyncio.sleep(40)
        assert [heard.method for heard in caller.heard].count("BYE") == 1
        assert phones.calls[0].ending == "hung up"

    call("+15550157", scene)


def test_0158_announces_before_it_refuses() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        progress = await caller.until(183)
        caller.start_audio(progress.body)
        final = await caller.until(404)
        caller.refused(final)
        sound = decode(bytes(caller.sound), "PCMU").astype(float)
        for at, hertz in ((1200, 950), (3900, 1400), (6500, 1800)):
            spectrum = np.abs(np.fft.rfft(sound[at : at + 800]))
            assert np.argmax(spectrum) * 10 == pytest.approx(hertz, abs=10)

    call("+15550158", scene)


@pytest.mark.parametrize(("number", "algorithm"), [("+15550159", "MD5"), ("+15559999", "SHA-256")])
def test_0159_answers_who_knows_the_password(number: str, algorithm: str) -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        challenge = await caller.until(407)
        caller.refused(challenge)
        caller.cseq = 2
        caller.invite(digest_line(challenge.text, caller.uri, "phones", algorithm))
        await caller.answered()
        await caller.bye()
        assert [record.ending for record in phones.calls] == ["caller hung up"]

    call(number, scene)


def test_0159_challenges_again_who_does_not() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        challenge = await caller.until(407)
        caller.refused(challenge)
        for wrong in (
            digest_line(challenge.text, caller.uri, "guess", "MD5"),
            digest_line(challenge.text, "sip:other@127.0.0.1", "phones", "MD5"),
            "Proxy-Authorization: Digest nonsense\r\n",
            "Proxy-Authorization: Basic Ym9iOnBob25lcw==\r\n",
        ):
            caller.heard.clear()
            caller.cseq += 1
            caller.invite(wrong)
            again = await caller.until(407)
            assert "stale" not in again.text
            caller.refused(again)
        assert phones.calls == ()

    call("+15550159", scene)


def test_0159_calls_an_old_nonce_stale() -> None:
    async def scene(phones: Phones, caller: Caller) -> None:
        caller.invite()
        challenge = await caller.until(407)
        caller.refused(challenge)
        forged = challenge.text.replace('nonce="', 'nonce="1')
        caller.heard.clear()
        caller.cseq = 2
        caller.invite(digest_line(forged, caller.uri, "phones", "MD5"))
        assert "stale=true" in (await caller.until(407)).text

    call("+15550159", scene)


def test_0160_is_busy_first_and_answers_then() -> None:
    async def main() -> None:
        phones = Phones(("127.0.0.1", 0), rtp_ports=range(52000, 54000))
        await phones.start()
        finals: list[int] = []
        for number in ("+15550160", "+15550160", "+16660160"):
            caller = Caller(phones.address[1], number)
            caller.invite()
            final: Heard = await caller.until(200 if len(finals) == 1 else 486)
            caller.take_tag(final)
            caller.send("ACK")
            finals.append(final.status)
            caller.close()
        await phones.stop()
        assert finals == [486, 200, 486]

    run_skipping(main())


def test_events_tell_what_happens_as_it_happens() -> None:
    async def main() -> None:
        events: list[PhoneEvent] = []
        phones = Phones(("127.0.0.1", 0), rtp_ports=range(52000, 54000), on_event=events.append)
        await phones.start()
        caller = Caller(phones.address[1], "+15550156")
        caller.invite()
        await caller.answered()
        keyed = asyncio.Event()
        caller.audio.send_digits("7#", keyed.set)
        await keyed.wait()
        await caller.say(1.2)
        await asyncio.sleep(1.0)
        await caller.bye()
        caller.close()
        await phones.stop()
        assert [(event.kind, event.detail) for event in events] == [
            ("called", ""),
            ("ringing", ""),
            ("answered", ""),
            ("digit", "7"),
            ("digit", "#"),
            ("prompt", ""),
            ("keyed", "1"),
            ("ended", "caller hung up"),
        ]
        assert events[0].call.digits == "7#"

    run_skipping(main())
