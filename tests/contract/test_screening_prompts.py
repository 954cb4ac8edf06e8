"""The folder of what screening services say, and what is wrong with one."""

import io
import wave
from pathlib import Path

import pytest

from callwright.errors import ConfigInvalid
from callwright.telephony.screening_prompts import read_screening_prompts


def wav(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(bytes(range(1, 251)) * round(seconds * 128))
    return file.getvalue()


def test_every_wav_file_of_the_folder_counts(tmp_path: Path) -> None:
    (tmp_path / "one.wav").write_bytes(wav(3))
    (tmp_path / "two.WAV").write_bytes(wav(4))
    (tmp_path / "README").write_text("where they are from")
    assert read_screening_prompts(str(tmp_path))
    assert read_screening_prompts("") is None


def test_what_is_wrong_with_the_folder_is_said(tmp_path: Path) -> None:
    def problem() -> str:
        with pytest.raises(ConfigInvalid) as found:
            read_screening_prompts(str(tmp_path / "prompts"))
        return str(found.value)

    assert "lines.screening_prompts: cannot read" in problem()
    (tmp_path / "prompts").mkdir()
    assert "there is no .wav file in" in problem()
    (tmp_path / "prompts" / "a.wav").write_bytes(wav(1.1))
    assert "a.wav: less than 1.2 s of sound" in problem()
    (tmp_path / "prompts" / "a.wav").write_bytes(b"ID3")
    assert "a.wav: not a WAV file" in problem()
