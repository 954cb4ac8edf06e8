"""The picture of a rehearsal: well-formed, true to the numbers, readable without seeing it."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from callwright.cli.rehearse_chart import BOTTOM, LEFT, MOST_BARS, RIGHT, TOP, Chart, draw
from callwright.domain.outcome import Outcome

NINE = datetime(2030, 1, 7, 9, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def chart(
    counts: dict[tuple[int, Outcome], int],
    *,
    minutes: float = 10,
    closes_min: float | None = None,
    title: str = "12 calls",
) -> Chart:
    """Calls by minute after nine, which end so many minutes after nine."""
    return Chart(
        title=title,
        subtitle="rehearsed",
        by_minute={(NINE + timedelta(minutes=at), met): n for (at, met), n in counts.items()},
        starts_at=NINE,
        ends_at=NINE + timedelta(minutes=minutes),
        closes_at=None if closes_min is None else NINE + timedelta(minutes=closes_min),
    )


def parts(drawn: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(draw(drawn))


def bars(picture: ElementTree.Element) -> list[ElementTree.Element]:
    return [each for each in picture.iter(f"{SVG}g") if each.get("class") == "bar"]


def texts(picture: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in picture.iter(f"{SVG}text")]


def test_bars_are_as_high_as_the_calls_of_their_minute() -> None:
    counts = {(0, Outcome.ANSWERED): 30, (0, Outcome.BUSY): 10, (3, Outcome.ANSWERED): 20}
    first, second = bars(parts(chart(counts)))
    heights = [float(rect.get("height", "")) for rect in first.iter(f"{SVG}rect")]
    assert heights[0] == pytest.approx(3 * heights[1], rel=0.01)
    assert sum(heights) == pytest.approx(BOTTOM - TOP, abs=0.1)
    [height] = [float(rect.get("height", "")) for rect in second.iter(f"{SVG}rect")]
    assert height == pytest.approx(sum(heights) / 2, abs=0.1)
    assert first[0].text == "2030-01-07 09:00Z: answered 30, busy 10"


def test_bars_stand_on_one_another_without_a_gap() -> None:
    counts = {(1, outcome): 3 for outcome in (Outcome.ANSWERED, Outcome.BUSY, Outcome.NO_ANSWER)}
    [bar] = bars(parts(chart(counts)))
    below = float(BOTTOM)
    for rect in bar.iter(f"{SVG}rect"):
        top = float(rect.get("y", ""))
        assert top + float(rect.get("height", "")) == pytest.approx(below, abs=0.05)
        below = top


@pytest.mark.parametrize("minutes", [0.1, 1, 59, 121, 600, 1440, 10_000, 500_000, 5_000_000])
def test_any_length_of_time_fits_into_the_picture(minutes: float) -> None:
    counts = {(0, Outcome.ANSWERED): 5, (int(minutes), Outcome.BUSY): 7}
    picture = parts(chart(counts, minutes=minutes))
    rects = [rect for bar in bars(picture) for rect in bar.iter(f"{SVG}rect")]
    assert (
        sum(
            int(n) for bar in bars(picture) for n in re.findall(r" (\d+)(?:,|$)", bar[0].text or "")
        )
        == 12
    )
    for rect in rects:
        x, width = float(rect.get("x", "")), float(rect.get("width", ""))
        assert x >= LEFT
        assert x + width <= RIGHT + 0.1
    for line in picture.iter(f"{SVG}line"):
        assert LEFT - 0.1 <= float(line.get("x1", "")) <= RIGHT + 0.1
    widths = {float(rect.get("width", "")) for rect in rects}
    assert min(widths) >= (RIGHT - LEFT) / (MOST_BARS + 1) - 0.1
    ticks = [text for text in texts(picture) if re.fullmatch(r"\d\d:\d\d", text)]
    assert len(ticks) <= 12


@pytest.mark.parametrize("count", [1, 2, 5, 6, 49, 50, 51, 99, 1234, 98_765])
def test_the_axis_reaches_the_highest_bar_in_a_few_round_steps(count: int) -> None:
    picture = parts(chart({(0, Outcome.ANSWERED): count}))
    ticks = [
        float(text.replace(",", "")) for text in texts(picture) if re.fullmatch(r"[\d,]+", text)
    ]
    assert ticks[0] == 0
    assert ticks[-1] >= count > ticks[-1] / 2 - 1
    assert 2 <= len(ticks) <= 6


def test_a_slow_campaign_is_told_in_whole_calls() -> None:
    picture = parts(chart({(0, Outcome.BUSY): 2, (9000, Outcome.BUSY): 1}, minutes=9001))
    assert "calls in 2 h" in texts(picture)
    assert "calls per minute" not in texts(picture)


def test_the_end_and_the_end_of_the_window_are_marked() -> None:
    counts = {(0, Outcome.ANSWERED): 4}
    assert "ends 09:08:30" in texts(parts(chart(counts, minutes=8.5)))
    both = texts(parts(chart(counts, minutes=10.5, closes_min=10)))
    assert {"ends 09:10:30", "window shuts 09:10:00"} <= set(both)
    same = texts(parts(chart(counts, minutes=10, closes_min=10)))
    assert "ends as the window shuts 09:10:00" in same
    assert "ends 08 Jan 09:00" in texts(parts(chart(counts, minutes=1440)))


def test_it_tells_its_contents_in_words_and_needs_nothing_from_elsewhere() -> None:
    text = draw(chart({(0, Outcome.ANSWERED): 1200, (1, Outcome.NO_ANSWER): 3}))
    picture = ElementTree.fromstring(text)
    assert picture.get("role") == "img"
    named = {each.get("id"): each.text for each in picture if each.get("id")}
    assert picture.get("aria-labelledby", "").split() == list(named)
    assert "answered 1,200, no answer 3" in str(named["desc"])
    assert "prefers-color-scheme:dark" in text
    assert re.findall(r"https?://\S+?(?=\")", text) == ["http://www.w3.org/2000/svg"]


def test_words_from_outside_stay_words() -> None:
    picture = parts(chart({}, title="<script>&\"'"))
    assert picture.findtext(f"{SVG}title") == "<script>&\"'"
