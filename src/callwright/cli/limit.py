"""`callwright limit`: how many calls an account, a deployment or a batch may start."""

import re
from enum import StrEnum
from typing import Annotated, Any

import typer

from callwright.cli.options import JsonOption
from callwright.cli.output import show
from callwright.cli.session import Connect, asks_server

NO_LIMIT = "none"

_RATE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?\Z", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,9}\Z", re.ASCII)


class Limitable(StrEnum):
    """What can be limited."""

    ACCOUNT = "account"
    DEPLOYMENT = "deployment"
    BATCH = "batch"


_PATHS = {"deployment": "deployments", "batch": "batches"}


@asks_server
def limit(
    what: Limitable,
    number: Annotated[
        int | None, typer.Argument(metavar="ID", min=1, help="Of the deployment or batch.")
    ] = None,
    calls_per_second: Annotated[
        str | None,
        typer.Option("--calls-per-second", metavar="N", help="New calls in any second; or none."),
    ] = None,
    max_calls: Annotated[
        str | None, typer.Option("--max-calls", metavar="N", help="Calls at once; or none.")
    ] = None,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Limit your account, a deployment or a batch beside its trunk; or show its limits.

    Holds from the next call on, for what waits already too.
    """
    if (number is None) != (what is Limitable.ACCOUNT):
        needs = "takes none" if what is Limitable.ACCOUNT else "is missing"
        raise typer.BadParameter(f"{what} {needs}", param_hint="ID")
    changes: dict[str, object] = {}
    if calls_per_second is not None:
        changes["calls_per_second"] = _limit("--calls-per-second", calls_per_second, _RATE, float)
    if max_calls is not None:
        changes["max_calls"] = _limit("--max-calls", max_calls, _COUNT, int)
    path = "/v1/limits" if number is None else f"/v1/{_PATHS[what]}/{number}/limits"
    with connect() as client:
        value = client.patch(path, changes) if changes else client.get(path)
    name = "the account" if number is None else f"{what} {number}"
    show({"limits": value}, f"{name} {_told(value)}", as_json=as_json)


def _limit(option: str, text: str, form: re.Pattern[str], read: type[float] | type[int]) -> Any:
    if text == NO_LIMIT:
        return None
    if not form.match(text):
        raise typer.BadParameter(f"must be a number or {NO_LIMIT}", param_hint=option)
    return read(text)


def _told(value: dict[str, Any]) -> str:
    """The limits as a person says them."""
    rate, most = value["calls_per_second"], value["max_calls"]
    parts = [] if rate is None else [f"{rate:g} calls a second"]
    parts += [] if most is None else [f"{most} calls at once"]
    return f"may start {' and '.join(parts)}" if parts else "has no limits of its own"
