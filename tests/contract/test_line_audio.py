"""What is heard on an answered leg, and who may speak in its name, in skipped time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from line_world import Told, run_with, told_line
from raw_phone import RawPhone, bound

from callwright.domain.outcome import Outcome
from callwright.ports.line import HangUp, LegAnswered, LegEnded, LegKeyed, LegStep
from callwright.ports.speech import Speech
from callwright.telephony.conversation import Conversation
from callwright.telephony.phones import Phones
from callwright.testing.skipping_loop import run_skipping

ASKS = """callwright: 1
name: Asks
steps:
  greet:
    say: Good evening
    next: ask
  ask:
    ask: Press 1 for yes or 2 for no
    keys: {1: thanks, 2: thanks}
    store: answer
    tries: 1
  thanks:
    say: Thank you
    next: hangup
"""
WAITS = "callwright: 1\nname: Waits\nsteps:\n  pause:\n    wait: 9s\n    next: hangup\n"
Scene = Callable[[Told], Awaitable[None]]


def with_phones(
    folder: Path, driver: str, scene: Callable[[Told, Phones], Awaitable[None]]
) -> None:
    async def main() -> None:
        phones = Phones(("127.0.0.1", 0), rtp_ports=range(46000, 47000))
        await phones.start()
        try:
            address = f"sip:127.0.0.1:{phones.address[1]}"
            async with told_line(folder, address, driver=driver, password="phones") as told:
                told.script("asks", ASKS)
                await scene(told, phones)
        finally:
            await phones.stop()

    run_with(driver, main())


class Hum:
    """Speech that is audible from its first sample."""

    name = "hum"

    async def speak(self, text: str, voice: str) -> bytes:
        return b"\x00\x20\x00\xe0" * 8000


def with_raw_phone(
    folder: Path,
    scene: Callable[[Told, RawPhone], Awaitable[None]],
    *,
    formats: str = "0 101",
    speech: Speech | None = None,
) -> None:
    async def main() -> None:
        raw = RawPhone(formats=formats)
        try:
            async with told_line(folder, f"sip:127.0.0.1:{raw.port}", speech=speech) as told:
                told.script("asks", ASKS)
                told.script("waits", WAITS)
                await scene(told, raw)
        finally:
            raw.close()

    run_skipping(main())


def test_a_key_is_heard_and_the_script_runs_to_its_end(tmp_path: Path, driver: str) -> None:
    async def scene(told: Told, phones: Phones) -> None:
        order = told.place("5551230156", script="asks")
        ended = await told.until(LegEnded, order, 60)
        assert (ended.outcome, ended.reason, ended.finished) == (
            Outcome.ANSWERED,
            "script ended",
            True,
        )
        assert [(each.name, each.value) for each in told.of(order, LegKeyed)] == [("answer", "1")]
        assert [each.step for each in told.of(order, LegStep)] == ["greet", "ask", "thanks"]
        assert ended.received_packets > 0
        assert phones.calls[0].prompts >= 1

    with_phones(tmp_path, driver, scene)


def test_a_callee_who_hangs_up_ends_the_script_unfinished(tmp_path: Path, driver: str) -> None:
    async def scene(told: Told, phones: Phones) -> None:
        ended = await told.until(LegEnded, told.place("5551230157", script="asks"), 60)
        assert (ended.outcome, ended.reason, ended.finished) == (
            Outcome.ANSWERED,
            "callee hung up",
            False,
        )

    with_phones(tmp_path, driver, scene)


def test_post_dial_keys_are_sent_before_the_script(tmp_path: Path, driver: str) -> None:
    async def scene(told: Told, phones: Phones) -> None:
        order = told.place("5551230100", script="asks", postd="42,#9")
        await told.until(LegEnded, order, 90)
        assert phones.calls[0].digits == "42#9"
        answered, first_step = told.of(order, LegAnswered)[0], told.of(order, LegStep)[0]
        assert told.messages.index(answered) < told.messages.index(first_step)

    with_phones(tmp_path, driver, scene)


@pytest.mark.parametrize("formats", ["0 101", "8 101"])
def test_the_first_sound_leaves_within_40_ms_of_the_answer(tmp_path: Path, formats: str) -> None:
    async def scene(told: Told, raw: RawPhone) -> None:
        # The first call has the prompt rendered, in a thread, for which skipped time does
        # not wait; what is measured is what happens on the line.
        await told.until(LegEnded, told.place("5551230100", script="asks"), 60)
        raw.audible_at = 0.0
        order = told.place("5551230100", script="asks")
        await told.until(LegEnded, order, 60)
        assert raw.answered_at <= raw.audible_at <= raw.answered_at + 0.04

    with_raw_phone(tmp_path, scene, formats=formats, speech=Hum())


def test_post_dial_keys_wait_for_the_line_to_settle(tmp_path: Path) -> None:
    async def scene(told: Told, raw: RawPhone) -> None:
        order = told.place("5551230100", postd="1")
        await told.until(LegAnswered, order)
        await asyncio.sleep(0.45)
        assert 101 not in raw.payloads
        await asyncio.sleep(0.25)
        assert 101 in raw.payloads
        await told.until(LegEnded, order)

    with_raw_phone(tmp_path, scene)


def test_a_callee_who_says_nothing_at_all_is_hung_up_on(tmp_path: Path) -> None:
    async def scene(told: Told, raw: RawPhone) -> None:
        told.script("waits", WAITS.replace("9s", "55s"))
        order = told.place("5551230100", script="waits", max_length_s=300)
        ended = await told.until(LegEnded, order, 100)
        assert (ended.outcome, ended.reason) == (Outcome.MEDIA_FAILED, "no audio came")
        assert raw.methods()[-1] == "BYE"

    with_raw_phone(tmp_path, scene)


def test_strangers_end_nothing_and_get_no_answer(tmp_path: Path) -> None:
    async def scene(told: Told, raw: RawPhone) -> None:
        order = told.place("5551230100", script="waits")
        await told.until(LegAnswered, order)
        host, _, port = told.ready.local_sip["main"].rpartition(":")
        stranger = bound("127.0.0.2")
        for cseq, method in enumerate(("BYE", "OPTIONS", "INVITE", "CANCEL"), start=5):
            stranger.sendto(raw.request(method, cseq), (host, int(port)))
        await asyncio.sleep(0.2)
        with pytest.raises(BlockingIOError):
            stranger.recv(4096)
        stranger.close()
        raw.sip.sendto(raw.request("BYE", 20, tag="wrong"), raw.caller)
        raw.sip.sendto(b"nonsense\r\n\r\n", raw.caller)
        raw.sip.sendto(b"\r\n\r\n", raw.caller)
        await asyncio.sleep(0.1)
        assert [text.split(" ")[1] for text in raw.responses] == ["481"]
        assert not told.of(order, LegEnded)
        raw.sip.sendto(raw.request("BYE", 21), raw.caller)
        assert (await told.until(LegEnded, order)).reason == "callee hung up"

    with_raw_phone(tmp_path, scene)


def test_audio_follows_a_reinvite(tmp_path: Path) -> None:
    async def scene(told: Told, raw: RawPhone) -> None:
        order = told.place("5551230100", script="waits")
        await told.until(LegAnswered, order)
        await asyncio.sleep(0.1)
        assert set(raw.payloads) == {0}
        raw.formats = "8 101"
        raw.payloads.clear()
        raw.sip.sendto(raw.request("INVITE", 30, body=raw.sdp()), raw.caller)
        await asyncio.sleep(0.1)
        assert raw.responses[0].startswith("SIP/2.0 200")
        assert "RTP/AVP 8 101" in raw.responses[0]
        raw.sip.sendto(raw.request("ACK", 30), raw.caller)
        raw.payloads.clear()
        await asyncio.sleep(0.1)
        assert set(raw.payloads) == {8}
        told.line.say(HangUp(leg=order.leg))
        await told.until(LegEnded, order)

    with_raw_phone(tmp_path, scene)


def test_a_fault_in_one_leg_ends_that_leg_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: Conversation, codec: str) -> None:
        raise ZeroDivisionError("on purpose")

    async def scene(told: Told, raw: RawPhone) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Conversation, "begin", fail)
            broken = told.place("5551230100")
            ended = await told.until(LegEnded, broken)
        assert (ended.outcome, ended.reason) == (Outcome.MEDIA_FAILED, "internal error")
        assert (await told.until(LegEnded, told.place("5551230101"))).reason == "script ended"
        assert raw.methods() == ["INVITE", "ACK", "BYE"] * 2
        assert broken.leg in {getattr(record, "leg", "") for record in caplog.records}

    with_raw_phone(tmp_path, scene)
