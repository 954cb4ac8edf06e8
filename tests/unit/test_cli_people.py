"""How people behave in a rehearsal: what may be said, and what is refused."""

from pathlib import Path

import pytest

from callwright.cli.people import People, read_people
from callwright.errors import FieldInvalid
from callwright.simulation.callees import Manners
from callwright.simulation.faults import Outage, Trouble


def read(folder: Path, text: str, **options: float | None) -> People:
    file = folder / "people.toml"
    file.write_text(text, "utf-8")
    return read_people(file, options)


def test_without_a_file_and_options_people_are_as_usual() -> None:
    assert read_people(None, {"answers": None}) == People(manners=Manners())


def test_a_file_says_how_people_behave_and_options_win_over_it(tmp_path: Path) -> None:
    text = "answers = 0.25\nbusy = 0.5\ntalks_s = 12\n[[outages]]\nstart_s = 60\nend_s = 90.5\n"
    people = read(tmp_path, text, busy=0.25, rejects=None)
    assert people.manners == Manners(answers=0.25, busy=0.25, talks_s=12)
    assert people.outages == (Outage(start_s=60, end_s=90.5, trouble=Trouble.REFUSES),)


def test_an_outage_may_be_silent_and_may_ask_to_be_left_alone(tmp_path: Path) -> None:
    text = '[[outages]]\nstart_s = 0\nend_s = 9\ntrouble = "silent"\nretry_after_s = 5\n'
    [outage] = read(tmp_path, text).outages
    assert (outage.trouble, outage.retry_after_s) == (Trouble.SILENT, 5)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("answers = 1.5", "answers: is a share, 0 to 1"),
        ("answers = true", "answers: must be a number"),
        ('busy = "often"', "busy: must be a number"),
        ("busy = nan", "busy: is a share"),
        ("talks_s = 0", "talks_s: must be above 0"),
        ("rings_s = inf", "rings_s: must be above 0"),
        ("anwsers = 0.5", "anwsers: is not known; did you mean answers?"),
        ("colour = 1", "colour: is not known; known are answers, busy"),
        ("answers = 0.9\nbusy = 0.2", "answers, busy are above 1"),
        ("outages = 3", r"outages: is written [[outages]]"),
        ("outages = [3]", r"outages: is written [[outages]]"),
        ("[[outages]]\nstart_s = 1", "outages: needs end_s"),
        ("[[outages]]\nstart_s = 2\nend_s = 2", "outages.end_s: must be after start_s"),
        ("[[outages]]\nstart_s = -1\nend_s = 2", "start_s: must not be negative"),
        ('[[outages]]\ntrouble = "loud"', "outages.trouble: must be refuses or silent"),
        ("[[outages]]\ntrouble = []", "outages.trouble: must be refuses or silent"),
        ("answers = ", "is no TOML"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_name(
    tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(FieldInvalid) as refused:
        read(tmp_path, text)
    assert problem in str(refused.value)


def test_shares_that_nobody_named_make_room_for_those_that_are() -> None:
    everybody = read_people(None, {"answers": 1.0}).manners
    assert (everybody.answers, everybody.busy, everybody.rejects) == (1, 0, 0)
    most = read_people(None, {"answers": 0.9, "busy": 0.05}).manners
    assert (most.unreachable, most.rejects) == pytest.approx((0.02, 0.03))
    few = read_people(None, {"busy": 0.2}).manners
    assert (few.answers, few.unreachable) == (Manners().answers, Manners().unreachable)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(FieldInvalid, match=r"--people: no\.toml: No such file"):
        read_people(Path("no.toml"), {})
