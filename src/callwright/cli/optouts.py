"""`callwright optout ...`: numbers that no call of the account is dialled to any more."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from callwright.cli.api_client import PROBLEMS_SHOWN, ApiClient, ServerRefused
from callwright.cli.moments import clock_time
from callwright.cli.number_file import read_numbers
from callwright.cli.options import JsonOption
from callwright.cli.output import counted, show, table
from callwright.cli.progress import progress_bar
from callwright.cli.session import Connect, asks_server
from callwright.errors import FieldInvalid, RequestRefused

optouts = typer.Typer(no_args_is_help=True, help="Numbers that are never called again.")

PATH = "/v1/optouts"
MOST_AT_ONCE = 1_000
"""What the API takes in one request."""

Numbers = Annotated[list[str], typer.Argument(metavar="NUMBER...")]
Written = Sequence[tuple[int, str]]
"""Lines of a file and what stands there."""


@optouts.command("add")
@asks_server
def add(
    numbers: Numbers,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Put numbers on the list: from now on no call is dialled to them."""
    with connect() as client:
        value = _send(client, PATH, numbers)
    show(value, _added(value), as_json=as_json)


@optouts.command("remove")
@asks_server
def remove(
    numbers: Numbers,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Take numbers off the list, as an admin: they may be called again."""
    with connect() as client:
        value = _send(client, f"{PATH}/remove", numbers)
    others = value["numbers"] - value["removed"]
    rest = f"; {others} not on the list" if others else ""
    show(value, f"{counted(value['removed'], 'number')} may be called again{rest}", as_json=as_json)


@optouts.command("list")
@asks_server
def list_(
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1)] = 50,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """List the numbers, the latest first."""
    with connect() as client:
        items = list(client.items(PATH, limit))
    rows = [(item["number"], clock_time(item["at"]), _asked_in(item)) for item in items]
    show({"optouts": items}, table(("NUMBER", "SINCE", "ASKED FOR"), rows), as_json=as_json)


@optouts.command("import")
@asks_server
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A number a line, or CSV with a header row.")
    ],
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Add the good numbers even if others are bad.")
    ] = False,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Put all numbers of a file on the list, or none if one is no phone number."""
    written = read_numbers(file)
    if not written:
        raise FieldInvalid("FILE", f"{file}: there is no number in it")
    with connect() as client:
        problems = _check(client, written)
        if problems and not (lenient and len(problems) < len(written)):
            raise _bad_lines(problems, lenient=lenient)
        good = [(line, text) for line, text in written if line not in problems]
        added = 0
        with progress_bar("adding", len(good)) as advance:
            for done, piece in _pieces(good):
                added += _send(client, PATH, [text for _, text in piece])["added"]
                advance(done)
    value = {"added": added, "numbers": len(good), "left_out": len(problems)}
    left_out = f"; {counted(len(problems), 'line')} left out" if problems else ""
    show(value, _added(value) + left_out, as_json=as_json)


def _send(
    client: ApiClient, path: str, numbers: Sequence[str], headers: dict[str, str] | None = None
) -> dict[str, Any]:
    return client.post(path, {"numbers": list(numbers)}, headers)


def _check(client: ApiClient, written: Written) -> dict[int, str]:
    """What is wrong, by line, before anything is added."""
    problems: dict[int, str] = {}
    for _, piece in _pieces(written):
        try:
            _send(client, PATH, [text for _, text in piece], {"X-Dry-Run": "true"})
        except ServerRefused as exc:
            places = [str(error.get("pointer", "")).split("/") for error in exc.errors]
            if not places or any(
                place[:2] != ["", "numbers"] or len(place) != 3 for place in places
            ):
                raise
            for error, place in zip(exc.errors, places, strict=True):
                line, _ = piece[int(place[2])]
                problems[line] = str(error["detail"])
    return problems


def _bad_lines(problems: dict[int, str], *, lenient: bool) -> RequestRefused:
    error = RequestRefused(f"{counted(len(problems), 'bad line')}, nothing was added.")
    for line, problem in list(problems.items())[:PROBLEMS_SHOWN]:
        error.add_note(f"line {line}: {problem}")
    if len(problems) > PROBLEMS_SHOWN:
        error.add_note(f"(the first {PROBLEMS_SHOWN})")
    if not lenient:
        error.add_note("with --lenient the good numbers are added")
    return error


def _pieces(written: Written) -> Iterator[tuple[int, Written]]:
    """As much as one request takes, and how much that is with all before."""
    for start in range(0, len(written), MOST_AT_ONCE):
        piece = written[start : start + MOST_AT_ONCE]
        yield start + len(piece), piece


def _added(value: dict[str, Any]) -> str:
    known = value["numbers"] - value["added"]
    rest = f"; {known} on the list already" if known else ""
    return f"{counted(value['added'], 'number')} will not be called again{rest}"


def _asked_in(item: dict[str, Any]) -> str:
    return f"in call {item['call_id']}" if item["call_id"] else "-"
