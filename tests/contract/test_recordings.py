"""Recordings: files whose sides lie where they were heard, whatever happens to disk or process."""

import asyncio
import logging
import os
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from line_world import SILENT, started

from callwright.ports.line import LegAnswered, LegEnded
from callwright.telephony.line import SipLine
from callwright.telephony.phones import Phones
from callwright.telephony.recording import (
    CallRecorder,
    RecordingArchive,
    RecordingRules,
    RecordingWriter,
)
from callwright.telephony.recording.wav_file import HEADER_BYTES, begin
from callwright.telephony.speech.tones import ToneSpeech
from callwright.telephony.trunk import TrunkSettings
from callwright.testing.skipping_loop import run_skipping

RULES: dict[str, Any] = {"max_age_s": 3600.0, "leave_free": 0}


def rules(folder: Path, **changes: Any) -> RecordingRules:
    return RecordingRules(**({"folder": str(folder)} | RULES | changes))


def sides(path: Path) -> tuple[bytes, bytes]:
    """The callee's codes and ours; the header is checked on the way."""
    data = path.read_bytes()
    assert data[:4] == b"RIFF"
    assert data[8:16] == b"WAVEfmt "
    size, form, channels, rate = struct.unpack_from("<IHHI", data, 16)
    assert (size, form, channels, rate) == (18, 7, 2, 8000)
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    assert data[50:54] == b"data"
    assert struct.unpack_from("<I", data, 54)[0] == len(data) - HEADER_BYTES
    return data[HEADER_BYTES::2], data[HEADER_BYTES + 1 :: 2]


def in_loop(scene: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scene()
        await asyncio.sleep(0)  # what threads had to say

    asyncio.run(main())


def test_both_sides_lie_at_their_places_on_one_time_line(tmp_path: Path) -> None:
    async def scene() -> None:
        writer = RecordingWriter(rules(tmp_path))
        call = writer.record("abc-1-1")
        for number in range(150):
            call.heard(number * 160, bytes([number % 200]) * 160)
            if not 20 <= number < 60:  # held
                call.said(number * 160, bytes([200]) * 160)
        call.close()
        writer.close()

    in_loop(scene)
    heard, said = sides(tmp_path / "abc-1-1.wav")
    assert heard == b"".join(bytes([number % 200]) * 160 for number in range(150))
    assert said == b"\xc8" * 3200 + b"\xff" * 6400 + b"\xc8" * 14400
    assert (tmp_path / "abc-1-1.wav").stat().st_mode & 0o077 == 0
    (found,) = RecordingArchive(tmp_path).of(["nothing", "abc-1-1"])
    assert (found.sip_call_id, found.duration_s) == ("abc-1-1", 3.0)


def test_a_long_hold_is_written_as_it_passes_and_starts_where_others_had_listened() -> None:
    pieces: list[bytes] = []
    call = CallRecorder(pieces.append, lambda: None)
    for number in range(500):
        call.heard(80_000 + number * 160, b"\x01" * 160)
    assert 8 * 8000 <= sum(map(len, pieces)) // 2 <= 9 * 8000
    call.said(80_000 + 500 * 160, b"\x02" * 160)
    call.close()
    whole = b"".join(pieces)
    assert whole[0::2] == b"\x01" * 80_000 + b"\xff" * 160
    assert whole[1::2] == b"\xff" * 80_000 + b"\x02" * 160


def test_a_full_disk_stops_the_recording_and_keeps_what_there_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        free = iter((10_000, 10))
        writer = RecordingWriter(
            rules(tmp_path, leave_free=5000), free_bytes=lambda _: next(free, 10)
        )
        call = writer.record("abc-1-1")
        for number in range(50 * 60):
            call.heard(number * 160, b"\x01" * 160)
            call.said(number * 160, b"\x02" * 160)
        call.close()
        late = writer.record("abc-2-1")
        late.heard(0, b"\x01" * 8000)
        late.close()
        writer.close()

    with caplog.at_level(logging.ERROR):
        in_loop(scene)
    heard, said = sides(tmp_path / "abc-1-1.wav")
    assert len(heard) == len(said) == 31 * 8000
    assert [path.name for path in tmp_path.iterdir()] == ["abc-1-1.wav"]
    told = [vars(each) for each in caplog.records]
    assert [(each["file"], each["msg"]) for each in told] == [
        ("abc-1-1", "a recording has stopped"),
        ("abc-2-1", "a recording has stopped"),
    ]
    assert "lines.recordings_leave_free" in told[0]["why"]


def test_a_folder_that_cannot_be_written_is_said_and_put_up_with(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        (tmp_path / "file").write_text("no folder")
        writer = RecordingWriter(rules(tmp_path / "file"))
        call = writer.record("abc-1-1")
        call.heard(0, b"\x01" * 160)
        call.close()
        writer.close()

    with caplog.at_level(logging.ERROR):
        in_loop(scene)
    assert [each.message for each in caplog.records] == ["a recording has stopped"]


def test_what_a_crash_broke_off_is_whole_after_the_next_start(tmp_path: Path) -> None:
    file = begin(tmp_path, "dead-1-1")
    os.write(file, b"\x05\x06" * 4000 + b"\x05")
    os.close(file)  # as the end of its process does
    os.close(begin(tmp_path, "empty-1-1"))
    alive = begin(tmp_path, "alive-1-1")
    os.write(alive, b"\x05\x06" * 4000)

    async def scene() -> None:
        RecordingWriter(rules(tmp_path)).close()

    in_loop(scene)
    assert sides(tmp_path / "dead-1-1.wav") == (b"\x05" * 4000, b"\x06" * 4000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alive-1-1.part", "dead-1-1.wav"]
    os.close(alive)


def test_recordings_are_removed_when_their_time_is_over(tmp_path: Path) -> None:
    for name, age_s in (("old-1-1.wav", 7200), ("new-1-1.wav", 60)):
        (tmp_path / name).write_bytes(b"RIFF")
        os.utime(tmp_path / name, (1e9 - age_s, 1e9 - age_s))

    async def scene() -> None:
        RecordingWriter(rules(tmp_path), wall=lambda: 1e9).close()

    in_loop(scene)
    assert [path.name for path in tmp_path.iterdir()] == ["new-1-1.wav"]


def test_a_name_that_is_no_file_name_is_none(tmp_path: Path) -> None:
    async def scene() -> None:
        writer = RecordingWriter(rules(tmp_path))
        call = writer.record("../../etc/x@host")
        call.heard(0, b"\x01" * 160)
        call.close()
        writer.close()

    in_loop(scene)
    (path,) = tmp_path.iterdir()
    assert path.parent == tmp_path
    assert len(RecordingArchive(tmp_path).of(["../../etc/x@host"])) == 1


@pytest.mark.parametrize(
    ("script", "order", "is_recorded"),
    [(True, None, True), (False, True, True), (True, False, False), (False, None, False)],
)
def test_the_order_has_the_last_word_on_recording(
    tmp_path: Path, script: bool, order: bool | None, is_recorded: bool
) -> None:
    async def main() -> None:
        phones = Phones(("127.0.0.1", 0), speech=ToneSpeech())
        await phones.start()
        host, port = phones.address
        trunk = TrunkSettings(
            name="main",
            address=f"sip:{host}:{port}",
            user="phones",
            password="phones",
            rtp_ports=(45000, 45099),
        )
        folder = tmp_path / "recordings"
        line = SipLine(
            [trunk], speech=ToneSpeech(), cache_dir=tmp_path / "p", recordings=rules(folder)
        )
        try:
            async with started(line) as told:
                text = SILENT.replace("name: Short", "name: Short\nrecord: yes")
                told.script("short", text if script else SILENT)
                placed = told.place("5551230100", record=order)
                await told.until(LegAnswered, placed, 20)
                await told.until(LegEnded, placed, 20)
        finally:
            await phones.stop()
        found = RecordingArchive(folder).of([placed.identity.call_id])
        assert len(found) == is_recorded
        if found:
            heard, said = sides(found[0].path)
            assert 0.1 * 8000 <= len(heard) == len(said) <= 0.6 * 8000
            assert set(said) == {0xFF}

    run_skipping(main())
