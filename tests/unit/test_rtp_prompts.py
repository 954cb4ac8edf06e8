"""Prompts are rendered once, kept, and told apart by engine, voice, text and law."""

import asyncio
import struct
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from callwright.errors import ScriptInvalid, Unavailable
from callwright.telephony.rtp.g711 import decode
from callwright.telephony.rtp.prompts import PromptStore


class Counted:
    """An engine that says a ramp as long as its text, and counts how often it was asked."""

    def __init__(self, name: str = "counted") -> None:
        self.name = name
        self.asked: list[tuple[str, str]] = []
        self.begun = asyncio.Event()
        self.hold: asyncio.Event | None = None

    async def speak(self, text: str, voice: str) -> bytes:
        self.asked.append((text, voice))
        self.begun.set()
        if self.hold is not None:
            await self.hold.wait()
        if text == "fail":
            raise Unavailable("the engine is broken")
        return np.arange(0, 160 * len(text) * 16, 16).astype("<i2").tobytes()


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


def test_a_text_is_rendered_once_for_both_laws_and_both_stores(tmp_path: Path) -> None:
    async def main() -> None:
        speech = Counted()
        prompts = PromptStore(speech, tmp_path)
        first = await prompts.spoken("hello", "en", "PCMU")
        again = await prompts.spoken("hello", "en", "PCMU")
        other_law = await prompts.spoken("hello", "en", "PCMA")
        restarted = await PromptStore(speech, tmp_path).spoken("hello", "en", "PCMU")
        assert speech.asked == [("hello", "en")]
        assert again is first
        assert restarted == first
        assert first.duration_s == pytest.approx(0.1)
        assert {len(frame) for frame in first.frames} == {160}
        assert other_law.codec == "PCMA"
        heard = decode(b"".join(first.frames), "PCMU").astype(int)
        assert np.abs(heard - np.arange(0, 800 * 16, 16)).max() < 400
        as_alaw = decode(b"".join(other_law.frames), "PCMA").astype(int)
        assert np.abs(as_alaw - np.arange(0, 800 * 16, 16)).max() < 800

    run(main())


def test_voice_text_and_engine_tell_prompts_apart(tmp_path: Path) -> None:
    async def main() -> None:
        speech, other = Counted(), Counted("other")
        prompts = PromptStore(speech, tmp_path)
        for text, voice in (("hi", "en"), ("hi", "de"), ("ho", "en")):
            await prompts.spoken(text, voice, "PCMU")
        assert len(speech.asked) == 3
        await PromptStore(other, tmp_path).spoken("hi", "en", "PCMU")
        assert len(other.asked) == 1

    run(main())


def test_callers_of_one_text_share_one_rendering_and_may_leave(tmp_path: Path) -> None:
    async def main() -> None:
        speech = Counted()
        speech.hold = asyncio.Event()
        prompts = PromptStore(speech, tmp_path)
        callers = [asyncio.create_task(prompts.spoken("hello", "en", "PCMU")) for _ in range(3)]
        await speech.begun.wait()
        callers[0].cancel()
        speech.hold.set()
        left, *stayed = await asyncio.gather(*callers, return_exceptions=True)
        assert isinstance(left, asyncio.CancelledError)
        assert stayed[0] is stayed[1]
        assert len(speech.asked) == 1

    run(main())


def test_a_failure_is_told_and_not_kept(tmp_path: Path) -> None:
    async def main() -> None:
        speech = Counted()
        prompts = PromptStore(speech, tmp_path)
        for _ in range(2):
            with pytest.raises(Unavailable, match="the engine is broken"):
                await prompts.spoken("fail", "en", "PCMU")
        assert len(speech.asked) == 2
        with pytest.raises(Unavailable, match="no speech engine"):
            await PromptStore(None, tmp_path).spoken("hi", "en", "PCMU")

    run(main())


def test_a_blank_text_is_nothing_to_say(tmp_path: Path) -> None:
    async def main() -> None:
        speech = Counted()
        prompt = await PromptStore(speech, tmp_path).spoken(" \n", "en", "PCMU")
        assert (prompt.frames, speech.asked) == ((), [])

    run(main())


def bytes_kept(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.ulaw"))


def test_memory_and_disk_are_bounded_and_lose_the_least_used(tmp_path: Path) -> None:
    async def main() -> None:
        speech = Counted()
        small = PromptStore(speech, tmp_path, memory_bytes=3 * 201, disk_bytes=1700)
        for text in "abcd":
            await small.spoken(text, "en", "PCMU")
        await small.spoken("d", "en", "PCMU")
        assert len(speech.asked) == 4
        for text in "efghijklmnop":
            await small.spoken(text, "en", "PCMU")
        assert 0 < bytes_kept(tmp_path) <= 1700
        await small.spoken("a", "en", "PCMU")
        assert speech.asked[-1] == ("a", "en")

    run(main())


def test_a_cache_that_cannot_be_written_costs_no_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        blocked = tmp_path / "file"
        blocked.write_text("not a folder")
        prompts = PromptStore(Counted(), blocked)
        assert (await prompts.spoken("hello", "en", "PCMU")).frames
        assert (await prompts.spoken("there", "en", "PCMU")).frames

    run(main())
    assert caplog.text.count("spoken prompts cannot be kept on disk") == 1


def test_what_is_said_is_readable_by_the_owner_alone(tmp_path: Path) -> None:
    async def main() -> None:
        await PromptStore(Counted(), tmp_path / "cache").spoken("secret", "en", "PCMU")

    run(main())
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(files) == 1
    assert files[0].stat().st_mode & 0o077 == 0
    assert "secret" not in str(files[0])


def wav(rate: int, samples: int) -> bytes:
    body = np.full(samples, 8000, dtype="<i2").tobytes()
    layout = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", len(body))
    return b"RIFF" + struct.pack("<I", 4 + len(chunks) + len(body)) + b"WAVE" + chunks + body


def test_a_recording_is_brought_to_the_telephones_rate_and_read_again_when_changed(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        path = tmp_path / "hello.wav"
        path.write_bytes(wav(16000, 3200))
        prompts = PromptStore(None, tmp_path)
        first = await prompts.recorded(path, "PCMU")
        assert len(first.frames) == 10
        assert await prompts.recorded(path, "PCMU") is first
        path.write_bytes(wav(8000, 800))
        assert len((await prompts.recorded(path, "PCMU")).frames) == 5

    run(main())


def test_a_recording_that_cannot_be_played_names_the_file_and_the_reason(tmp_path: Path) -> None:
    async def main() -> None:
        prompts = PromptStore(None, tmp_path)
        with pytest.raises(ScriptInvalid, match=r"gone\.wav: .*No such file"):
            await prompts.recorded(tmp_path / "gone.wav", "PCMU")
        with pytest.raises(ScriptInvalid, match="cannot be read"):
            await prompts.recorded(tmp_path, "PCMU")
        (tmp_path / "song.wav").write_bytes(b"ID3 not audio we know")
        with pytest.raises(ScriptInvalid, match=r"song\.wav: .*not a WAV file"):
            await prompts.recorded(tmp_path / "song.wav", "PCMU")

    run(main())
