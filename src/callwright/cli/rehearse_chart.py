"""A rehearsal as a picture: calls dialled per minute, by what they met, and when it all ends.

One SVG by itself: no script, no font and no picture from elsewhere. It follows the reader's
light or dark scheme, tells its contents in words to whoever cannot see it, and shows each
bar's numbers when it is pointed at. The colours are those of Okabe and Ito, which most
colour-blind people can tell apart; edges and the order of the legend do not need them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from callwright.domain.outcome import Outcome

WIDTH, HEIGHT = 960, 476
LEFT, RIGHT, TOP, BOTTOM = 64, 936, 120, 368
MOST_BARS = 120
WIDEST_BAR = 48.0

MINUTES_A_BAR = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440)
MINUTES_A_TICK = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080)
MOST_TICKS = 9

_ORDER = (
    Outcome.ANSWERED,
    Outcome.BUSY,
    Outcome.NO_ANSWER,
    Outcome.REJECTED,
    Outcome.UNREACHABLE,
    Outcome.TRUNK_TROUBLE,
)
"""What the simulated network can come to, from the bottom up."""

_STYLE = """\
svg{--paper:#fff;--ink:#1b1f24;--faint:#59636e;--line:#d5d9de;color-scheme:light dark;
font-family:system-ui,-apple-system,"Segoe UI","Liberation Sans",Arial,sans-serif}
@media (prefers-color-scheme:dark){
svg{--paper:#14171c;--ink:#e8ebef;--faint:#9aa4b0;--line:#333a43}}
text{fill:var(--faint);font-size:13px}.title{fill:var(--ink);font-size:20px;font-weight:600}
.strong{fill:var(--ink)}.tick{font-variant-numeric:tabular-nums}.grid{stroke:var(--line)}
.bar rect,.key{stroke:var(--paper);stroke-width:.6}.mark{stroke:var(--ink);stroke-width:1.5}
.shut{stroke-dasharray:5 4}
.said{fill:var(--ink);stroke:var(--paper);stroke-width:5;paint-order:stroke}
.bar:hover rect{opacity:.75}
.answered{fill:#009e73}.busy{fill:#e69f00}.no_answer{fill:#56b4e9}.rejected{fill:#d55e00}
.unreachable{fill:#cc79a7}.trunk_trouble{fill:#0072b2}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What the picture shows."""

    title: str
    subtitle: str
    by_minute: dict[tuple[datetime, Outcome], int]
    starts_at: datetime
    ends_at: datetime
    closes_at: datetime | None
    """End of the window, if it is to be seen."""


@dataclass(frozen=True, slots=True)
class _Bar:
    at: datetime
    counts: dict[Outcome, int]


class _Scales:
    """Where moments and rates stand in the picture."""

    def __init__(self, chart: Chart) -> None:
        last_at = max(chart.ends_at, chart.closes_at or chart.ends_at)
        first_at = chart.starts_at.replace(second=0, microsecond=0)
        minutes = int((last_at - first_at).total_seconds() // 60) + 1
        wanted = (size for size in MINUTES_A_BAR if minutes <= size * MOST_BARS)
        self.bar_minutes = next(wanted, -(-minutes // (MOST_BARS * 1440)) * 1440)
        self.first_at = first_at - timedelta(minutes=first_at.minute % min(60, self.bar_minutes))
        self.bars = -(-minutes // self.bar_minutes) + (self.first_at < first_at)
        self.step = min(WIDEST_BAR, (RIGHT - LEFT) / self.bars)
        self.minutes = 1
        """Rates are calls in so many minutes."""
        self.most = 1.0

    def x(self, at: datetime) -> float:
        return LEFT + (at - self.first_at).total_seconds() / 60 / self.bar_minutes * self.step

    def y(self, rate: float) -> float:
        return BOTTOM - rate / self.most * (BOTTOM - TOP)


def draw(chart: Chart) -> str:
    """The picture as the text of an SVG file."""
    scales = _Scales(chart)
    bars = _bars(chart, scales)
    peak = max((sum(bar.counts.values()) for bar in bars), default=0)
    if peak < 2 * scales.bar_minutes:
        # Fractions of a call in a minute say nothing to anybody.
        scales.minutes = scales.bar_minutes
    ticks = _rate_ticks(peak * scales.minutes / scales.bar_minutes)
    scales.most = ticks[-1]
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(chart.title)}</title>',
        f'<desc id="desc">{escape(_described(chart))}</desc>',
        f"<style>{_STYLE}</style>",
        '<rect width="100%" height="100%" style="fill:var(--paper)"/>',
        f'<text class="title" x="24" y="40">{escape(chart.title)}</text>',
        f'<text x="24" y="63">{escape(chart.subtitle)}</text>',
        f'<text x="24" y="{TOP - 14}">{_rate_said(scales.minutes)}</text>',
        *_rate_axis(ticks, scales),
        *_time_axis(scales),
        *(_bar(bar, scales) for bar in bars if bar.counts),
        *_marks(chart, scales),
        *_legend(chart),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bars(chart: Chart, scales: _Scales) -> list[_Bar]:
    wide = timedelta(minutes=scales.bar_minutes)
    bars = [_Bar(scales.first_at + wide * index, {}) for index in range(scales.bars)]
    for (at, outcome), count in chart.by_minute.items():
        counts = bars[(at - scales.first_at) // wide].counts
        counts[outcome] = counts.get(outcome, 0) + count
    return bars


def _bar(bar: _Bar, scales: _Scales) -> str:
    x, below, rects = scales.x(bar.at), 0.0, []
    for outcome in _ORDER:
        if not (count := bar.counts.get(outcome, 0)):
            continue
        above = below + count * scales.minutes / scales.bar_minutes
        top, height = scales.y(above), scales.y(below) - scales.y(above)
        rects.append(
            f'<rect class="{outcome}" x="{x:.2f}" y="{top:.2f}" width="{scales.step:.2f}" '
            f'height="{height:.2f}"/>'
        )
        below = above
    said = ", ".join(f"{_words(each)} {bar.counts[each]}" for each in _ORDER if each in bar.counts)
    title = f"{bar.at:%Y-%m-%d %H:%M}Z: {said}"
    return f'<g class="bar"><title>{escape(title)}</title>{"".join(rects)}</g>'


def _rate_ticks(peak: float) -> list[float]:
    """From 0 in round steps to the first that is not below `peak`: at most six."""
    step = 1.0
    while peak > step * 5:
        # 1, 2, 5, 10, 20, 50, ...
        step *= 2.5 if f"{step:.0f}"[0] == "2" else 2
    return [step * count for count in range(int(-(-peak // step)) + 1)] if peak else [0.0, 1.0]


def _rate_axis(ticks: Sequence[float], scales: _Scales) -> Iterator[str]:
    for rate in ticks:
        y = scales.y(rate)
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}"/>'
        yield (
            f'<text class="tick" x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">'
            f"{rate:,.0f}</text>"
        )


def _time_axis(scales: _Scales) -> Iterator[str]:
    minutes = scales.bars * scales.bar_minutes
    size = next((m for m in MINUTES_A_TICK if minutes <= m * MOST_TICKS), minutes // MOST_TICKS)
    midnight = scales.first_at.replace(hour=0, minute=0)
    since = (scales.first_at - midnight).total_seconds() / 60
    at = midnight + timedelta(minutes=-(-since // size) * size)
    day = None
    while scales.x(at) <= min(RIGHT, LEFT + scales.step * scales.bars) + 0.5:
        x = scales.x(at)
        yield f'<line class="grid" x1="{x:.1f}" y1="{BOTTOM}" x2="{x:.1f}" y2="{BOTTOM + 6}"/>'
        yield (
            f'<text class="tick" x="{x:.1f}" y="{BOTTOM + 22}" text-anchor="middle">'
            f"{at:%H:%M}</text>"
        )
        if at.date() != day:
            day = at.date()
            yield (
                f'<text class="tick" x="{x:.1f}" y="{BOTTOM + 39}" text-anchor="middle">'
                f"{at:%d %b %Y}</text>"
            )
        at += timedelta(minutes=size)
    yield f'<text x="{RIGHT}" y="{BOTTOM + 39}" text-anchor="end">UTC</text>'


def _marks(chart: Chart, scales: _Scales) -> Iterator[str]:
    """When it ends, and when the window shuts."""
    form = "%H:%M:%S" if chart.ends_at.date() == chart.starts_at.date() else "%d %b %H:%M"
    marks = [(chart.ends_at, f"ends {chart.ends_at:{form}}", "mark")]
    if chart.closes_at is not None:
        text = f"window shuts {chart.closes_at:{form}}"
        if chart.closes_at == chart.ends_at:
            marks = [(chart.ends_at, f"ends as the {text}", "mark shut")]
        else:
            marks.append((chart.closes_at, text, "mark shut"))
    for at, _, style in marks:
        x = scales.x(at)
        yield f'<line class="{style}" x1="{x:.1f}" y1="{TOP - 20}" x2="{x:.1f}" y2="{BOTTOM}"/>'
    for row, (at, text, _) in enumerate(marks):
        x = scales.x(at)
        # Text stands on the side where there is room for it.
        anchor, gap = ("end", -6) if x > (LEFT + RIGHT) / 2 else ("start", 6)
        x = max(x, LEFT + 90.0)  # clear of what stands above the axis
        y = TOP - 7 - 17 * row
        yield f'<text class="said" x="{x + gap:.1f}" y="{y}" text-anchor="{anchor}">{text}</text>'


def _legend(chart: Chart) -> Iterator[str]:
    x = float(LEFT)
    for outcome, count in _totals(chart).items():
        text = f"{_words(outcome)} {count:,}"
        yield f'<rect class="key {outcome}" x="{x:.0f}" y="{HEIGHT - 39}" width="14" height="14"/>'
        yield f'<text class="strong" x="{x + 20:.0f}" y="{HEIGHT - 27}">{text}</text>'
        x += 20 + 7.4 * len(text) + 22


def _totals(chart: Chart) -> dict[Outcome, int]:
    totals = dict.fromkeys(_ORDER, 0)
    for (_, outcome), count in chart.by_minute.items():
        totals[outcome] += count
    return {outcome: count for outcome, count in totals.items() if count}


def _rate_said(minutes: int) -> str:
    if minutes == 1:
        return "calls per minute"
    return f"calls in {minutes // 60} h" if minutes >= 60 else f"calls in {minutes} minutes"


def _described(chart: Chart) -> str:
    totals = ", ".join(f"{_words(each)} {n:,}" for each, n in _totals(chart).items())
    return (
        f"{chart.subtitle}. Stacked bars: calls dialled over time, by what they met ({totals}). "
        f"The last is over at {chart.ends_at:%Y-%m-%d %H:%M}Z."
    )


def _words(outcome: Outcome) -> str:
    return outcome.value.replace("_", " ")
