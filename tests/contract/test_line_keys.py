"""Keys from the callee in every way they come, and how soon they cut a prompt short.

Counted in the packets that the callee sends and gets, in skipped time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from line_world import Told, told_line
from raw_phone import SILENCE, RawPhone

from callwright.ports.line import LegAnswered, LegEnded, LegKeyed
from callwright.telephony.rtp.digits import tone_frames
from callwright.telephony.rtp.packet import pack_event, pack_rtp
from callwright.testing.skipping_loop import run_skipping

MENU = """callwright: 1
name: Menu
steps:
  menu:
    ask: Press one for this and two for that, and after that there is more to say, much more
    keys: {1: quiet, 2: quiet}
    store: first
    tries: 1
  quiet:
    wait: 0.5s
    next: more
  more:
    ask: Press one for this and two for that, and after that there is more to say, much more
    keys: {1: hangup, 2: hangup}
    store: second
    timeout: 1s
    tries: 1
    otherwise: hangup
"""


class Hum:
    """Speech that is audible from its first sample to its last, eight seconds later."""

    name = "hum"

    async def speak(self, text: str, voice: str) -> bytes:
        return b"\x00\x20\x00\xe0" * 32000


class Keying(RawPhone):
    """Speaks a packet every 20 ms, `now` of the loop, and notes when audio came."""

    def __init__(self, formats: str) -> None:
        super().__init__(formats=formats)
        self.sequence = 0
        self.audible_times: list[float] = []

    async def say(self, *payloads: bytes, payload_type: int = 0, still: bool = False) -> float:
        """These packets, 20 ms apart; when the first of them left."""
        began, timestamp = self.loop.time(), self.sequence * 160
        for payload in payloads:
            self.sequence += 1
            marker = still and payload is payloads[0]
            stamp = timestamp if still else self.sequence * 160
            packet = pack_rtp(payload_type, marker, self.sequence, stamp, 99, payload)
            self.rtp.sendto(packet, self.audio_to)
            await asyncio.sleep(0.02)
        return began

    @property
    def audio_to(self) -> tuple[str, int]:
        port = self.invite.split("m=audio ")[1].split(" ")[0]
        return ("127.0.0.1", int(port))

    def last_audible_ends(self, *, before: float) -> float:
        """When the callee has heard all of the last packet that came before then."""
        return max(at for at in self.audible_times if at < before) + 0.02

    def _on_rtp(self) -> None:
        packet = self.rtp.recv(4096)
        if packet[1] & 0x7F == 0 and packet[12:] not in SILENCE:
            self.audible_times.append(self.loop.time())


def with_keying(
    folder: Path, formats: str, scene: Callable[[Told, Keying], Awaitable[None]]
) -> None:
    async def main() -> None:
        phone = Keying(formats)
        try:
            async with told_line(folder, f"sip:127.0.0.1:{phone.port}", speech=Hum()) as told:
                told.script("menu", MENU)
                # The first call has the prompts rendered, in a thread.
                first = told.place("5551230100", script="menu", max_length_s=3)
                await told.until(LegEnded, first, 60)
                phone.audible_times.clear()
                await scene(told, phone)
        finally:
            phone.close()

    run_skipping(main())


QUIET = b"\xff" * 160
KEY_1 = (*tone_frames("1", "PCMU"),)


@pytest.mark.parametrize("offset", [0, 40, 100, 155])
def test_an_audible_key_cuts_the_prompt_short_within_60_ms(tmp_path: Path, offset: int) -> None:
    """However the tone lies in the packets: counted from the first packet that holds some."""

    async def scene(told: Told, phone: Keying) -> None:
        order = told.place("5551230100", script="menu")
        await told.until(LegAnswered, order)
        await phone.say(*[QUIET] * 25)
        joined = QUIET[:offset] + b"".join(KEY_1) + QUIET[: 160 - offset]
        frames = [joined[at : at + 160] for at in range(0, len(joined), 160)]
        began = await phone.say(*frames)
        await phone.say(*[QUIET] * 10)
        assert began < phone.last_audible_ends(before=began + 0.3) <= began + 0.06
        keyed = await told.until(LegKeyed, order)
        assert (keyed.name, keyed.value) == ("first", "1")

    with_keying(tmp_path, "0", scene)


def test_a_reported_key_cuts_the_prompt_short_within_60_ms(tmp_path: Path) -> None:
    async def scene(told: Told, phone: Keying) -> None:
        order = told.place("5551230100", script="menu")
        await told.until(LegAnswered, order)
        await phone.say(*[QUIET] * 25)
        reports = [pack_event(1, end, 160 * n) for n, end in ((1, False), (2, False), (3, True))]
        began = await phone.say(*reports, payload_type=101, still=True)
        await phone.say(*[QUIET] * 10)
        assert phone.last_audible_ends(before=began + 0.3) <= began + 0.06
        assert (await told.until(LegKeyed, order)).value == "1"

    with_keying(tmp_path, "0 101", scene)


def info(phone: RawPhone, cseq: int, kind: str, body: str) -> bytes:
    request = phone.request("INFO", cseq).decode()
    head = request.replace("Content-Length: 0", f"Content-Length: {len(body)}")
    return (head.replace("CSeq:", f"Content-Type: {kind}\r\nCSeq:") + body).encode()


@pytest.mark.parametrize(
    ("kind", "body"),
    [("application/dtmf-relay", "Signal=1\r\nDuration=160\r\n"), ("application/dtmf", "1")],
)
def test_a_key_in_the_audio_and_by_info_is_one_press(tmp_path: Path, kind: str, body: str) -> None:
    async def scene(told: Told, phone: Keying) -> None:
        order = told.place("5551230100", script="menu")
        await told.until(LegAnswered, order)
        await phone.say(*[QUIET] * 25, *KEY_1)
        phone.sip.sendto(info(phone, 10, kind, body), phone.caller)
        await phone.say(*[QUIET] * 45)
        assert [each.value for each in told.of(order, LegKeyed)] == ["1"]
        # From now on its INFO is believed alone: the next press comes both ways too.
        phone.sip.sendto(info(phone, 11, kind, body), phone.caller)
        await phone.say(*KEY_1, *[QUIET] * 5)
        assert [each.name for each in told.of(order, LegKeyed)] == ["first", "second"]
        await told.until(LegEnded, order)

    with_keying(tmp_path, "0", scene)


def test_tones_count_for_nothing_where_keys_are_reported(tmp_path: Path) -> None:
    async def scene(told: Told, phone: Keying) -> None:
        order = told.place("5551230100", script="menu")
        await told.until(LegAnswered, order)
        await phone.say(*[QUIET] * 25, *KEY_1, *[QUIET] * 10)
        phone.sip.sendto(info(phone, 10, "application/dtmf", "1"), phone.caller)
        await phone.say(*[QUIET] * 10)
        assert not told.of(order, LegKeyed)

    with_keying(tmp_path, "0 101", scene)
