"""Who answered, end to end: real SIP and RTP on loopback, in skipped time."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from line_world import Told, run_with, told_line

from callwright.domain.answered_by import AnsweredBy
from callwright.domain.outcome import Outcome
from callwright.ports.line import LegAnswered, LegEnded, LegIdentified, LegKeyed, LegStep
from callwright.telephony.listening import ScreeningPrompts
from callwright.telephony.phones import Phones, sounds
from callwright.telephony.phones.calls import PhoneEvent
from callwright.telephony.phones.sounds import SCREENING
from callwright.telephony.speech import EspeakSpeech
from callwright.testing.programs import require

ASKS_WHO = """callwright: 1
name: Asks who
steps:
  who:
    detect: who
    when: {answeringmachine: mailbox, fax: try_again}
    otherwise: greet
  greet: {say: Good evening., next: hangup}
  mailbox: {beep: 20s, next: message, otherwise: give_up}
  message: {say: Please call us back., next: give_up}
"""


class Spoken:
    """What phones say, rendered before: no program is waited for in skipped time."""

    name = "rendered before"

    def __init__(self) -> None:
        texts = (sounds.HELLO, sounds.GREETING, SCREENING)
        self.texts = {text: asyncio.run(EspeakSpeech().speak(text, "")) for text in texts}

    async def speak(self, text: str, voice: str) -> bytes:
        return self.texts[text]


def with_phones(
    folder: Path,
    driver: str,
    scene: Callable[[Told, Phones], Awaitable[None]],
    on_event: Callable[[PhoneEvent], None] | None = None,
    *,
    screening: bool = False,
) -> None:
    """`screening`: the line has a recording of what the phones' service says."""
    require("espeak-ng")

    spoken = Spoken()
    known = None
    if screening:
        recording = np.frombuffer(spoken.texts[SCREENING], dtype="<i2").astype(np.int16)
        known = ScreeningPrompts([recording])

    async def main() -> None:
        phones = Phones(
            ("127.0.0.1", 0),
            rtp_ports=range(46000, 47000),
            speech=spoken,
            on_event=on_event,
        )
        await phones.start()
        try:
            address = f"sip:127.0.0.1:{phones.address[1]}"
            async with told_line(folder, address, driver=driver, screening=known) as told:
                told.script("who", ASKS_WHO)
                await scene(told, phones)
        finally:
            await phones.stop()

    run_with(driver, main())


@pytest.mark.parametrize(
    ("number", "who", "steps", "outcome"),
    [
        ("5551230100", AnsweredBy.VOICE, ["who", "greet"], Outcome.ANSWERED),
        ("5551230155", AnsweredBy.MACHINE, ["who", "mailbox", "message"], Outcome.ANSWERED),
        ("5551230161", AnsweredBy.FAX, ["who"], Outcome.NOT_REACHED),
        ("5551230157", AnsweredBy.UNKNOWN, ["who", "greet"], Outcome.ANSWERED),
    ],
)
def test_it_is_known_within_four_seconds_who_answered(
    tmp_path: Path, driver: str, number: str, who: AnsweredBy, steps: list[str], outcome: Outcome
) -> None:
    async def scene(told: Told, phones: Phones) -> None:
        order = told.place(number, script="who")
        await told.until(LegAnswered, order)
        async with asyncio.timeout(4.1):  # of the loop's time, which counts audio
            await told.until(LegIdentified, order)
        ended = await told.until(LegEnded, order, 60)
        (identified,) = told.of(order, LegIdentified)
        assert identified.verdict.who is who, identified
        assert [(k.name, k.value) for k in told.of(order, LegKeyed)] == [("who", str(who))]
        assert [each.step for each in told.of(order, LegStep)] == steps
        assert ended.outcome is outcome

    with_phones(tmp_path, driver, scene)


SCREENED = """callwright: 1
name: Tells who calls
steps:
  who:
    detect: who
    when: {screening: turn}
    otherwise: give_up
  turn: {quiet: 15s, next: name, otherwise: give_up}
  name: {say: It is about your appointment., next: again}
  again: {person: 20s, next: greet, otherwise: try_again}
  greet: {say: Good evening., next: hangup}
"""


def test_a_screening_service_is_known_by_its_recording_and_its_person_reached(
    tmp_path: Path, driver: str
) -> None:
    async def scene(told: Told, phones: Phones) -> None:
        told.script("screened", SCREENED)
        order = told.place("5551230163", script="screened")
        ended = await told.until(LegEnded, order, 60)
        (identified,) = told.of(order, LegIdentified)
        assert identified.verdict.who is AnsweredBy.SCREENING, identified
        steps = [each.step for each in told.of(order, LegStep)]
        assert steps == ["who", "turn", "name", "again", "greet"]
        assert (ended.outcome, ended.finished) == (Outcome.ANSWERED, True)

    with_phones(tmp_path, driver, scene, screening=True)


def test_a_busy_tone_before_the_answer_ends_the_attempt(tmp_path: Path, driver: str) -> None:
    async def scene(told: Told, phones: Phones) -> None:
        order = told.place("+15551230162", ring_timeout_s=60.0)
        ended = await told.until(LegEnded, order, 60)
        assert (ended.outcome, ended.reason) == (Outcome.BUSY, "busy tone")
        assert not ended.answered
        assert phones.calls[0].ending == "canceled by the caller"

    with_phones(tmp_path, driver, scene)


def test_a_final_answer_outweighs_the_tones_before_it(tmp_path: Path, driver: str) -> None:
    async def scene(told: Told, phones: Phones) -> None:
        ended = await told.until(LegEnded, told.place("+15551230158"), 60)
        assert (ended.outcome, ended.sip_code) == (Outcome.UNREACHABLE, 404)

    with_phones(tmp_path, driver, scene)


def test_the_message_is_heard_after_the_beep_and_not_before(tmp_path: Path, driver: str) -> None:
    heard_s: list[float] = []

    async def scene(told: Told, phones: Phones) -> None:
        order = told.place("5551230155", script="who")
        await told.until(LegEnded, order, 60)
        before, after = heard_s[0], phones.calls[0].heard_s
        assert before < 0.1
        assert after > 0.5

    def note(event: PhoneEvent) -> None:
        if event.kind == "beeped":
            heard_s.append(event.call.heard_s)

    with_phones(tmp_path, driver, scene, note)
