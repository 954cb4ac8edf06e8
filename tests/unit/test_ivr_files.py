"""Flow files on disk, their recordings, and what hostile text does to the reader."""

import wave
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.errors import ScriptInvalid
from callwright.ivr import (
    SAMPLE_FLOW,
    SAMPLE_SURVEY,
    dump,
    load,
    load_file,
    parse,
    sample_text,
    warnings_for,
)
from callwright.ivr.template import MAX_SPOKEN_CHARACTERS, fill, names_in
from callwright.ivr.values import Recorded, Speak

FLOW = "callwright: 1\nname: T\nsteps:\n  a:\n    play: sounds/a.wav\n    next: hangup\n"


def test_recordings_are_named_by_their_full_paths(tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    with wave.open(str(tmp_path / "sounds" / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\0" * 80)
    path = tmp_path / "f.yaml"
    path.write_text(FLOW, "utf-8")
    step = load_file(path).steps["a"]
    assert step == Speak(
        prompts=(Recorded(path=str(tmp_path / "sounds" / "a.wav")),), next="hangup"
    )


def test_a_missing_or_false_recording_is_told_where_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(FLOW, "utf-8")
    with pytest.raises(ScriptInvalid, match=r"sounds/a\.wav: No such file") as caught:
        load_file(path)
    assert (caught.value.line, caught.value.column) == (5, 11)
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "a.wav").write_bytes(b"ID3 not a WAV file")
    with pytest.raises(ScriptInvalid, match="no WAV file") as caught:
        load_file(path)
    assert caught.value.line == 5


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ScriptInvalid, match="cannot read it: No such file"):
        load_file(tmp_path / "none.yaml")
    with pytest.raises(ScriptInvalid, match="cannot read it: Is a directory"):
        load_file(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("callwright: 1\nname: Théâtre\n".encode("latin-1"))
    with pytest.raises(ScriptInvalid, match="not UTF-8") as caught:
        load_file(latin)
    assert (caught.value.line, caught.value.column) == (2, 9)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("\ufeff" + sample_text(SAMPLE_FLOW), "utf-8")
    assert load_file(path) == load(sample_text(SAMPLE_FLOW), "f.yaml")


SAMPLES = [sample_text(SAMPLE_FLOW), sample_text(SAMPLE_SURVEY)]
PIECES = st.sampled_from(
    [*"{}[]\"'#*&!|>-:?,%@`\t\n\r\0", "\ud800", "\u2028", "\\UFFFFFFFF", "- ", ": ", "<<: *a", "é"]
)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_a_damaged_file_is_refused_with_its_place_or_is_whole(
    text: str, data: st.DataObject
) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        text = text[:start] + data.draw(PIECES | st.text(max_size=4)) + text[start + length :]
    error: ScriptInvalid | None = None
    try:
        script = load(text, "f.yaml")
    except ScriptInvalid as exc:
        error = exc
    else:
        assert parse(dump(script)) == script
        warnings_for(script)
    if error is not None:
        assert error.line >= 1
        assert error.column >= 1
        assert len(str(error).splitlines()) == 1


@given(st.text(), st.text())
def test_filling_in_never_fails_and_adds_no_control_characters(template: str, value: str) -> None:
    spoken = fill(template, {"x": value})
    assert len(spoken) <= MAX_SPOKEN_CHARACTERS
    assert all(character >= " " and character != "\x7f" for character in spoken)


def test_braces_that_are_no_place_are_refused() -> None:
    assert names_in("{a} {{b}} {A_1}") == ("a", "A_1")
    for wrong in ("{", "a } b", "{1a}", "{a b}", "{}", "{é}", "{{a}"):
        with pytest.raises(ValueError, match="lone"):
            names_in(wrong)
