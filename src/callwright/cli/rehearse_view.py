"""What came of a rehearsal: in words, as JSON, as a picture."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from callwright.cli.output import counted
from callwright.cli.rehearse_chart import Chart, draw
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.errors import FieldInvalid
from callwright.runtime.pacing import TrunkLimits
from callwright.simulation.rehearsal import Plan, Rehearsed


def as_value(plan: Plan, done: Rehearsed, svg: Path | None) -> dict[str, object]:
    """All of it, for `--json`."""
    limits = _limits(plan)
    minutes: dict[datetime, dict[str, int]] = {}
    for (at, outcome), count in done.by_minute.items():
        minutes.setdefault(at, {})[outcome.value] = count
    return {
        "calls": done.calls,
        "rejected": done.rejected,
        "problems": [{"line": line, "problem": problem} for line, problem in done.problems],
        "queued_at": _iso(done.queued_at),
        "first_at": None if done.first_at is None else _iso(done.first_at),
        "ends_at": _iso(done.ends_at),
        "states": {state.value: count for state, count in done.states.items()},
        "not_dialled": done.calls - done.dialled,
        "attempts": sum(done.by_attempt),
        "by_attempt": list(done.by_attempt),
        "outcomes": {outcome.value: count for outcome, count in done.outcomes.items()},
        "most_at_once": done.most_at_once,
        "trunk": {
            "name": limits.name,
            "calls_per_second": limits.calls_per_second,
            "max_calls": limits.max_calls,
        },
        "left_aside": plan.called.waiting,
        "by_minute": [{"at": _iso(at), **counts} for at, counts in minutes.items()],
        "seed": plan.seed,
        "history": done.digest,
        "svg": None if svg is None else str(svg),
    }


def describe(plan: Plan, done: Rehearsed) -> str:
    """What people want to know of it, a line each."""
    return "\n".join(f"{name:<11}{text}" for name, text in _lines(plan, done))


def write_chart(svg: Path, plan: Plan, done: Rehearsed) -> None:
    """Draw it.

    Raises:
        FieldInvalid: the file cannot be written.
    """
    closes_at = plan.schedule.window.closes_at
    chart = Chart(
        title=f"{_calls(done.calls)}, over {_after(plan, done)}",
        subtitle=f"rehearsed {_limits_said(plan)}; {_states_said(done)}",
        by_minute=done.by_minute,
        starts_at=done.first_at or plan.schedule.window.opens_at,
        ends_at=done.ends_at,
        # One that is far away would only squeeze the rest together.
        closes_at=closes_at if _late(done) else None,
    )
    try:
        svg.write_text(draw(chart), "utf-8")
    except OSError as exc:
        raise FieldInvalid("--svg", f"{svg}: {exc.strerror}") from None


def _lines(plan: Plan, done: Rehearsed) -> Iterator[tuple[str, str]]:
    closes_at = plan.schedule.window.closes_at
    yield "rehearsed", f"{_calls(done.calls)} {_limits_said(plan)}"
    yield "queued", _clock(done.queued_at)
    if done.first_at is not None:
        yield "begins", _clock(done.first_at)
    yield "ends", f"{_clock(done.ends_at)}, {_after(plan, done)}"
    for state in CallState:
        if count := done.states.get(state, 0):
            yield state.value, f"{count:,} ({count / done.calls:.1%})"
    if late := _late(done):
        assert closes_at is not None
        cut = f"cut off when the window shuts at {_clock(closes_at)}"
        yield "too late", f"{late:,} {cut}; never dialled: {done.calls - done.dialled:,}"
    said = ", ".join(f"{_words(outcome)} {done.outcomes[outcome]:,}" for outcome in done.outcomes)
    yield "attempts", f"{sum(done.by_attempt):,}{': ' if said else ''}{said}"
    yield "at once", f"{done.most_at_once:,} at most, of {_limits(plan).max_calls:,}"
    if done.rejected:
        yield "left out", counted(done.rejected, "row")
    if plan.called.waiting:
        waiting = counted(plan.called.waiting, "call")
        yield "left aside", f"{waiting} waiting in the database, which may take turns with these"


def _calls(number: int) -> str:
    return f"{number:,} call{'' if number == 1 else 's'}"


def _limits_said(plan: Plan) -> str:
    limits = _limits(plan)
    return (
        f"over trunk {limits.name}, {limits.calls_per_second:g} a second, "
        f"{limits.max_calls:,} at once"
    )


def _states_said(done: Rehearsed) -> str:
    return ", ".join(f"{count:,} {state.value}" for state, count in done.states.items())


def _limits(plan: Plan) -> TrunkLimits:
    """Of the trunk that dials."""
    name = plan.called.deployment.trunk
    return next(limits for limits, _ in plan.trunks if name in ("", limits.name))


def _late(done: Rehearsed) -> int:
    """Calls that the end of the window cut off."""
    return done.states.get(CallState.EXPIRED, 0)


def _after(plan: Plan, done: Rehearsed) -> str:
    """How long it goes on from its first moment."""
    return f"after {_span(done.ends_at - (done.first_at or plan.schedule.window.opens_at))}"


def _span(span: timedelta) -> str:
    """`3 d 4 h`, `1 h 5 min`, `40 s`: two units at most."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 10:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"


def _words(outcome: Outcome) -> str:
    return outcome.value.replace("_", " ")


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
