"""`callwright rehearse`: a whole campaign in seconds, on this machine, before it is sent."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from callwright.cli.list_file import open_list_file
from callwright.cli.options import (
    AppOption,
    AttemptsOption,
    ConfigOption,
    DeploymentOption,
    EndOption,
    JsonOption,
    StartOption,
    SurveyOption,
    WaitSecondsOption,
    read_moment,
)
from callwright.cli.output import counted, show, tell
from callwright.cli.people import LONGEST_S, read_people
from callwright.cli.progress import progress_bar
from callwright.cli.rehearse_called import find_called
from callwright.cli.rehearse_view import as_value, describe, write_chart
from callwright.config import Config, load_config
from callwright.dialects.contacts import ListLimits, ReadyList
from callwright.dialects.form import LIST_FIELD, BodyKind, Field, Form, Upload
from callwright.dialects.registry import by_product
from callwright.domain.account import Deployment
from callwright.domain.call import Schedule
from callwright.domain.limits import UNLIMITED, Limits
from callwright.errors import ConfigInvalid, FieldInvalid, ListInvalid, RequestRefused
from callwright.runtime.orders import TrunkRules
from callwright.runtime.pacing import TrunkLimits
from callwright.runtime.trunks import limits_and_rules
from callwright.simulation.rehearsal import Plan, Progress
from callwright.simulation.rehearsal import rehearse as play
from callwright.simulation.set_up import Called

Trunk = tuple[TrunkLimits, TrunkRules]

LINE_EVERY_S = 5.0
PROBLEMS_SHOWN = 20


def _share(name: str, text: str) -> Any:
    return typer.Option(name, metavar="SHARE", min=0.0, max=1.0, help=text)


def _seconds(name: str, text: str) -> Any:
    return typer.Option(name, metavar="S", min=0.1, max=LONGEST_S, help=text)


def rehearse(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV with a header row, or a workbook.")
    ],
    app: AppOption = None,
    survey: SurveyOption = None,
    deployment: DeploymentOption = None,
    sheet: Annotated[
        str, typer.Option("--sheet", metavar="NAME", help="Of a workbook; default: the first.")
    ] = "",
    now: Annotated[
        str | None, typer.Option("--now", metavar="T", help="When it is queued; default: now.")
    ] = None,
    start: StartOption = None,
    end: EndOption = None,
    max_attempts: AttemptsOption = None,
    reattempt_wait: WaitSecondsOption = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Rehearse the good rows even if others are bad.")
    ] = False,
    calls_per_second: Annotated[
        float | None,
        typer.Option(
            "--calls-per-second", min=0.001, max=10_000, help="In place of the trunk's own limit."
        ),
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option("--max-calls", min=1, help="At once, in place of the trunk's own.")
    ] = None,
    people: Annotated[
        Path | None, typer.Option("--people", metavar="FILE", help="TOML: how people behave.")
    ] = None,
    answers: Annotated[float | None, _share("--answers", "Who answer; default 0.55.")] = None,
    busy: Annotated[float | None, _share("--busy", "Who are busy; default 0.1.")] = None,
    unreachable: Annotated[
        float | None, _share("--unreachable", "Numbers that do not exist; default 0.02.")
    ] = None,
    rejects: Annotated[float | None, _share("--rejects", "Who decline; default 0.03.")] = None,
    talks: Annotated[float | None, _seconds("--talks", "Mean length; default 40.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws the people.")] = 1,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw calls by minute there.")
    ] = None,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Play a campaign through on this machine, to see when it would end and what would come of
    it. Needs no server, dials nobody, keeps nothing. Without --app or --survey it calls with a
    sample."""
    _require_sense(app, survey, svg)
    config = load_config(config_file, os.environ)
    manners = {
        "answers": answers,
        "busy": busy,
        "unreachable": unreachable,
        "rejects": rejects,
        "talks_s": talks,
    }
    crowd = read_people(people, manners)
    called = find_called(config, app, survey, deployment)
    trunks = _trunks(config, called, calls_per_second, max_calls)
    queued_at = datetime.now(UTC) if now is None else read_moment("--now", now)
    texts = {
        "start_timestamp": None if start is None else _unix("--start", start),
        "end_timestamp": None if end is None else _unix("--end", end),
        "max_attempts": max_attempts,
        "reattempt_wait": reattempt_wait,
    }
    schedule, contacts = _open(config, called.deployment, file, sheet, texts, queued_at)
    plan = Plan(
        called=called,
        schedule=schedule,
        trunks=trunks,
        queued_at=queued_at,
        manners=crowd.manners,
        outages=crowd.outages,
        lenient=lenient,
        seed=seed,
    )
    try:
        with _told() as on_progress:
            done = play(plan, contacts, on_progress)
    except ListInvalid as exc:
        raise _refused(exc, lenient=lenient) from None
    for line, problem in done.problems[:PROBLEMS_SHOWN]:
        tell(f"line {line}: {problem}")
    if done.rejected > PROBLEMS_SHOWN:
        tell(f"and {counted(done.rejected - PROBLEMS_SHOWN, 'more bad row')}")
    if svg is not None:
        write_chart(svg, plan, done)
    show(as_value(plan, done, svg), describe(plan, done), as_json=as_json)


def _refused(exc: ListInvalid, *, lenient: bool) -> RequestRefused:
    """What `queue` would say too, a line for each bad row."""
    refusal = RequestRefused(f"{counted(exc.total, 'bad row')}: the whole list would be refused")
    for line, problem in exc.problems:
        refusal.add_note(f"line {line}: {problem}")
    if exc.total > len(exc.problems):
        refusal.add_note(f"and {exc.total - len(exc.problems)} more")
    if not lenient:
        refusal.add_note("with --lenient the good rows are rehearsed and the bad ones left out")
    return refusal


def _require_sense(app: int | None, survey: int | None, svg: Path | None) -> None:
    if app is not None and survey is not None:
        raise typer.BadParameter("an application or a survey, not both", param_hint="--app")
    if svg is not None and svg.suffix.lower() != ".svg":
        # What a mistake would overwrite is more likely to be called otherwise.
        raise typer.BadParameter("a file whose name ends in .svg", param_hint="--svg")
    if svg is not None and not svg.absolute().parent.is_dir():
        raise FieldInvalid("--svg", f"{svg.parent} is no folder")


def _trunks(
    config: Config, called: Called, calls_per_second: float | None, max_calls: int | None
) -> list[Trunk]:
    """The trunks of the settings, limited as they were changed to meanwhile; the one that dials
    has the limits that were asked for."""
    trunks = [limits_and_rules(name, trunk) for name, trunk in config.trunks_in_use.items()]
    names = [limits.name for limits, _ in trunks]
    name = called.deployment.trunk
    if name and name not in names:
        raise ConfigInvalid(
            f"trunks.{name}: the deployment dials on it, and the settings have no such "
            f"trunk; they have {', '.join(names)}"
        )
    at = names.index(name) if name else 0
    limits, rules = trunks[at]
    changed = called.trunk_limits.get(limits.name, UNLIMITED)
    asked = Limits(calls_per_second=calls_per_second, max_calls=max_calls)
    trunks[at] = (limits.changed(changed).changed(asked), rules)
    return trunks


def _open(
    config: Config,
    called: Deployment,
    file: Path,
    sheet: str,
    texts: Mapping[str, object],
    now: datetime,
) -> tuple[Schedule, ReadyList]:
    """The list and its schedule, read just as a request that brings both."""
    with open_list_file(file, sheet) as source:
        data = source.read(config.limits.csv_bytes + 1)
    fields = [Field(name=LIST_FIELD, value=Upload(data=data, filename=file.name))]
    fields += [
        Field(name=name, value=str(value)) for name, value in texts.items() if value is not None
    ]
    return by_product[called.program.product].open_contacts(
        Form(kind=BodyKind.MULTIPART, fields=fields),
        now=now,
        default_country=config.numbers.default_country,
        deployment=called,
        pci_granted=False,
        limits=ListLimits(
            rows=config.limits.csv_rows,
            bytes=config.limits.csv_bytes,
            columns=config.limits.csv_columns,
        ),
    )


def _unix(option: str, text: str) -> int:
    return int(read_moment(option, text).timestamp())


@contextmanager
def _told() -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal; elsewhere a line now and then, if it takes long."""
    said_at = time.monotonic()
    is_terminal = sys.stderr.isatty()
    with progress_bar("reading", 1.0) as advance:

        def on_progress(progress: Progress) -> None:
            nonlocal said_at
            text = f"reading, {progress.rows:,} calls"
            if progress.calls_over:
                clock = f"{progress.at:%Y-%m-%d %H:%M}Z"
                text = f"{progress.calls_over:,} of {progress.rows:,} calls over at {clock}"
            advance(progress.share, text)
            if not is_terminal and time.monotonic() - said_at >= LINE_EVERY_S:
                said_at = time.monotonic()
                tell(text)

        yield on_progress
