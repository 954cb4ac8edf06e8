"""Speech engines: real programs, killed at their deadline, never given text as arguments."""

import asyncio
import sys
from pathlib import Path

import numpy as np
import pytest

from callwright.errors import ConfigInvalid, Unavailable
from callwright.ports.speech import Speech
from callwright.telephony.speech import CommandSpeech, EspeakSpeech, ToneSpeech, choose_speech
from callwright.testing.programs import require


def say(speech: Speech, text: str, voice: str = "") -> np.ndarray:
    return np.frombuffer(asyncio.run(speech.speak(text, voice)), dtype="<i2")


def program(tmp_path: Path, body: str) -> list[str]:
    path = tmp_path / "engine.py"
    path.write_text("import struct, sys\n" + body)
    return [sys.executable, "-S", str(path)]


ECHO_LENGTH = """
text = sys.stdin.buffer.read()
assert sys.argv[1:] in ([], ["de"]), sys.argv
body = b"\\x00\\x10" * 80 * len(text)
sys.stdout.buffer.write(b"RIFF\\0\\0\\0\\0WAVEfmt \\x10\\0\\0\\0"
    + struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    + b"data" + struct.pack("<I", len(body)) + body)
"""


def test_a_command_reads_the_text_on_stdin_and_writes_wav(tmp_path: Path) -> None:
    assert len(say(CommandSpeech(program(tmp_path, ECHO_LENGTH)), "hällo")) == 80 * 6


def test_a_command_may_ask_for_the_voice(tmp_path: Path) -> None:
    speech = CommandSpeech([*program(tmp_path, ECHO_LENGTH), "{voice}"])
    assert len(say(speech, "hi", "de")) == 160


def test_a_voice_that_looks_like_an_option_or_a_path_is_refused(tmp_path: Path) -> None:
    speech = CommandSpeech([*program(tmp_path, ECHO_LENGTH), "{voice}"])
    for voice in ("-w/etc/passwd", "../x", "a b", "x" * 65):
        with pytest.raises(Unavailable, match="name of a voice"):
            say(speech, "hi", voice)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("sys.exit('out of breath')", "failed with 1: out of breath"),
        ("print('not audio')", "wrote no usable WAV"),
        ("sys.stdin.close()", "wrote no usable WAV"),
    ],
)
def test_a_command_that_fails_says_why(tmp_path: Path, body: str, why: str) -> None:
    with pytest.raises(Unavailable, match=why):
        say(CommandSpeech(program(tmp_path, body)), "hi" * 2000)


def test_a_command_that_hangs_is_killed_at_its_deadline(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    body = f"import os, time\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    speech = CommandSpeech(program(tmp_path, body), deadline_s=0.2)
    with pytest.raises(Unavailable, match=r"not done after 0\.2 s"):
        say(speech, "hi")
    if pid_file.exists():  # it may have been killed before it got that far
        assert not Path(f"/proc/{pid_file.read_text()}").exists()


def test_a_missing_program_and_an_endless_text_are_unavailable() -> None:
    with pytest.raises(Unavailable, match="cannot be started"):
        say(CommandSpeech(["/nonexistent/engine"]), "hi")
    with pytest.raises(Unavailable, match="over 5,000 characters"):
        say(CommandSpeech(["true"]), "x" * 5001)


def test_espeak_speaks_at_the_telephones_rate() -> None:
    require("espeak-ng")
    short, long = say(EspeakSpeech(), "One."), say(EspeakSpeech(), "One two three four five.")
    assert 4000 < len(short) < len(long) < 40000
    assert np.abs(long.astype(int)).max() > 3000
    assert len(say(EspeakSpeech(), "-w /tmp/stolen <b>&\0 fünf", "de")) > 4000


def test_espeak_says_so_when_it_does_not_know_the_voice() -> None:
    require("espeak-ng")
    with pytest.raises(Unavailable, match="voice"):
        say(EspeakSpeech(), "hello", "nosuchvoice")


def test_tones_have_the_rhythm_of_the_text() -> None:
    samples = say(ToneSpeech(), "Press one, please.")
    loud = np.abs(samples.reshape(-1)[: len(samples) // 80 * 80].reshape(-1, 80)).max(axis=1) > 500
    assert np.count_nonzero(np.diff(loud.astype(int)) == 1) == 3
    assert len(say(ToneSpeech(), "one two three four")) > len(say(ToneSpeech(), "one two"))
    assert np.abs(samples).max() < 8000


def test_settings_choose_the_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert choose_speech("none") is None
    assert isinstance(choose_speech("tones"), ToneSpeech)
    command = choose_speech(f"command:{sys.executable} -c 'print(1)'")
    assert isinstance(command, CommandSpeech)
    fake = tmp_path / "espeak-ng"
    fake.write_text("#!/bin/sh\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert isinstance(choose_speech("auto"), EspeakSpeech)
    assert isinstance(choose_speech("espeak-ng"), EspeakSpeech)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert isinstance(choose_speech("auto"), ToneSpeech)
    with pytest.raises(ConfigInvalid, match="apt-get install espeak-ng"):
        choose_speech("espeak-ng")


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("festival", "use auto, espeak-ng, tones, none or command"),
        ("command:", "needs a program"),
        ("command:'", "cannot be read"),
        ("command:no-such-program-here", "no program"),
    ],
)
def test_a_setting_that_is_no_engine_says_what_to_do(setting: str, why: str) -> None:
    with pytest.raises(ConfigInvalid, match=why):
        choose_speech(setting)
